"""Measure what poor recordings do to names: `python -m benchmarks.accuracy.shadows [--data DIRECTORY]`

Half of the people of a folder, and 20 readers that never speak, are enrolled from one clean utterance each. Then recordings of
one utterance by one person are stored one after the other in random order, six of each person; three of ten are in pink noise,
at most 10 dB below the voice. What a recording teaches stays. In the end the names of all recordings are counted: those of
enrolled people, and those of strangers. The program's own code decides who speaks; nothing is diarized or transcribed.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.accuracy.identity import Tally, policy
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import DATA, Data, run
from benchmarks.harness.compose import pink, speech_of
from engines.speaker_embedding import SHORTEST, SpeakerEmbedding
from engines.weights.resolver import resolve
from media.decoding import decode
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.thresholds import THRESHOLDS
from pipeline.types import SAMPLE_RATE, Participant, Segment, Transcript, Turn, Voiceprint
from services.identity import speaker_admin, transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from vivavoce.printing import table

TRIALS = 6
EACH = 6
"""Recordings of a person in a trial."""
LISTED = 20
"""Readers that are enrolled and never speak."""
LONGEST_S = 12.0
NOISES = (10.0, 5.0, 0.0)
"""Signal-to-noise ratios of poor recordings, dB."""
POOR = 0.3
"""Share of poor recordings."""

HEADER = ("speech", "recordings", "right", "named wrong", "unknown", "of strangers", "named")

People = Mapping[str, Sequence[Path]]


@dataclass(frozen=True, slots=True)
class Recording:
    person: str
    path: Path
    noise: float | None
    """Signal-to-noise ratio, dB; None for a clean one."""


@dataclass(frozen=True, slots=True)
class Voice:
    voiceprint: Voiceprint
    seconds: float
    """Of speech, without silences."""


class Ears:
    """Voices of recordings, each computed once."""

    def __init__(self) -> None:
        weights = resolve("embedding", Settings(), gpu=False)
        self.model = weights.name
        self._engine = SpeakerEmbedding(weights.path)
        self.voice = cache(self._voice)

    def _voice(self, path: Path, noise: float | None) -> Voice:
        samples = decode(path, max_duration=3600)[: round(LONGEST_S * SAMPLE_RATE)]
        seconds = len(speech_of(samples)) / SAMPLE_RATE
        if noise is not None:
            level = float(np.sqrt(np.mean(samples**2)))
            samples = samples + pink(len(samples), np.random.default_rng(len(samples))) * (level * 10 ** (-noise / 20))
        return Voice(Voiceprint(self._engine.embed(samples), self.model), seconds)


def people_of(data: Path) -> dict[str, People]:
    """The utterances of each person, by the kind of speech."""
    readers = sorted((data / "read_speech/librispeech_test-other").glob("*/*.flac"))
    actors = sorted((data / "emotion/ravdess").glob("*/*.flac"))
    germans = sorted((data / "emotion/emodb_4emotions").glob("*.flac"))
    return {
        "read": _grouped((path.parent.name, path) for path in readers),
        "acted, German": _grouped((path.name[:2], path) for path in germans),
        "acted, two sentences": _grouped((path.parent.name, path) for path in actors[::2]),
    }


def _grouped(files: Iterator[tuple[str, Path]]) -> People:
    found: dict[str, list[Path]] = {}
    for person, path in files:
        found.setdefault(person, []).append(path)
    return found


def trial(people: People, listed: Sequence[Path], seed: int) -> tuple[dict[str, Path], list[Recording]]:
    """The enrolled people, each with the utterance of the enrollment, and the recordings in random order."""
    rng = np.random.default_rng(seed)
    order = [str(person) for person in rng.permutation(sorted(people))]
    known = {f"listed {listed[at].stem}": listed[at] for at in rng.permutation(len(listed))[:LISTED]}
    recordings = []
    for number, person in enumerate(order):
        paths = [people[person][at] for at in rng.permutation(len(people[person]))]
        if number < len(order) // 2:
            known[person] = paths[0]
        for path in paths[1 : 1 + EACH]:
            noise = float(rng.choice(NOISES)) if rng.random() < POOR else None
            recordings.append(Recording(person, path, noise))
    return known, [recordings[at] for at in rng.permutation(len(recordings))]


async def store(session: AsyncSession, voice: Voice, with_: IdentityPolicy) -> int:
    """A conversation of one segment."""
    id_ = await conversations.create(session, None, None, "flac")
    end, print_ = voice.seconds, voice.voiceprint
    segment = Segment(0.0, end, "A", (), 0.0, voice=print_)
    heard = Transcript(end, None, (segment,), (Participant("A", end, print_),), (Turn(0.0, end, "A"),))
    await transcripts.save(session, id_, heard, with_)
    return id_


async def measure(
    database: Database,
    ears: Ears,
    known: Mapping[str, Path],
    recordings: Sequence[Recording],
    with_: IdentityPolicy,
    tally: Tally,
) -> None:
    """The trial is rolled back."""
    async with database.session() as session:
        for name, path in known.items():
            voice = ears.voice(path, None)
            await speaker_admin.enroll(session, with_, name, voice.voiceprint, voice.seconds)
        stored = [await store(session, ears.voice(one.path, one.noise), with_) for one in recordings]
        for one, id_ in zip(recordings, stored, strict=True):
            found = await conversations.get(session, id_)
            assert found is not None
            tally.add(one.person, found.segments[0].speaker_name, set(known))
        await session.rollback()


async def measure_all(url: str, data: Path) -> None:
    ears = Ears()
    await migrate(url)
    database = Database(url)
    with_ = policy(ears.model, THRESHOLDS[ears.model])
    listed = sorted((data / "read_speech/librispeech_train-clean-100").glob("*.flac"))
    rows = []
    for kind, everybody in people_of(data).items():
        long = {
            person: [p for p in paths if len(decode(p, max_duration=3600)) >= SHORTEST] for person, paths in everybody.items()
        }
        tally = Tally()
        for seed in range(TRIALS):
            await measure(database, ears, *trial(long, listed, seed), with_, tally)
        known = (tally.known[how] for how in ("right", "wrong", "unknown"))
        strangers = tally.strangers.total(), tally.strangers["named"]
        rows.append((kind, *map(str, (tally.known.total(), *known, *strangers))))
    print(table(HEADER, rows))
    await database.dispose()


def main(data: Data = DATA) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure_all(server, data))


if __name__ == "__main__":
    run(main)
