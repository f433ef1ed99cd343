"""Measure how well voices are recognized and strangers rejected: `python -m benchmarks.accuracy.identity [--data DIRECTORY]`

Each conversation is composed of four of the six readers of librispeech_test-other and a guest. The guest is one of the 35
readers of librispeech_train-clean-100, another one each time. There are quiet conversations, and noisy ones with interruptions.
Each reader is enrolled from the first 10 s of utterances that no conversation uses. The 35 have only one such utterance; as
guests they are never enrolled. Each conversation is diarized, and the program's own code stores its transcript in a database
that holds only some of the voices: two in each conversation, the guest and each of the readers in turn, are strangers. With 40
voices only the guest is. Nothing is transcribed: the diarizer's exclusive turns are the segments. Segments of 2 s and more are
counted; the true speaker of a segment is the one who speaks most during it.

For the AMI pairs the participants of the first meeting are named if the diarizer found them, and are looked for in the second.
There few segments last 2 s, so all segments count.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.accuracy.end_to_end import read_rttm
from benchmarks.harness import compose
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import DATA, Data, run
from engines.diarization import PyannoteDiarization
from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.catalogue import embedding_of
from engines.weights.resolver import resolve
from pipeline.identity.matching import MIN_COMPARED_S
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.thresholds import THRESHOLDS
from pipeline.transcript import participants
from pipeline.types import SAMPLE_RATE, ConversationSegment, Participant, Samples, Segment, Span, Transcript, Turn, Voiceprint
from pipeline.voice_settings import VoiceSettings
from services.identity import speaker_admin, transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import Speaker
from vivavoce.printing import table

ENROLLED_FROM = 10.0
"""Seconds."""
SIZES = (1, 2, 5, 10, 20, 39, 40)
MINUTES = 2
OVERLAP, NOISE = 0.25, 20.0
"""In the noisy conversations: how many turns interrupt the one before, and the signal-to-noise ratio in dB."""
CURVE = tuple(round(0.40 + 0.025 * i, 3) for i in range(13))
"""Thresholds, at the largest roster that leaves two strangers."""
PAIRS = (("EN2001a", "EN2001b"), ("EN2002a", "EN2002b"))
HEADER = ("lines known", "right", "named wrong", "unknown", "lines of strangers", "named")


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the stages process it, and its true turns."""

    transcript: Transcript
    turns: tuple[Turn, ...]
    guest: str = ""

    @property
    def people(self) -> list[str]:
        return sorted({turn.speaker for turn in self.turns} - {self.guest})


class Ears:
    """The engines of diarization and speaker embedding, in this process, with one thread."""

    def __init__(self) -> None:
        settings = Settings()
        diarization, embedding = (resolve(role, settings, gpu=False) for role in ("diarization", "embedding"))
        self.model = embedding.name
        self._diarizer = PyannoteDiarization(diarization.path, embedding=embedding_of(diarization.name))
        self._embedder = SpeakerEmbedding(embedding.path)
        self._padding = settings.context_padding

    def hear(self, samples: Samples) -> Transcript:
        """The transcript that `pipeline.process` computes of a recording, without words and emotions."""
        duration = len(samples) / SAMPLE_RATE
        found = self._diarizer.diarize(samples)
        people = []
        for label in sorted({turn.speaker for turn in found.turns}):
            spans = participants.clean_speech(found, label)
            voice = self._voice(samples, spans, found.voiceprints.get(label)) if spans else None
            people.append(Participant(label, participants.speech_seconds(found.turns, label), voice))
        lines = sorted(found.exclusive, key=lambda turn: turn.start)
        padded = [Span(max(0.0, t.start - self._padding), min(duration, t.end + self._padding)) for t in lines]
        heard = self._embedder.embed_each(samples, padded)
        return Transcript(
            duration,
            None,
            tuple(
                Segment(
                    line.start,
                    line.end,
                    line.speaker,
                    (),
                    0.0,
                    overlap=any(_shared(line, turn) > 0 and turn.speaker != line.speaker for turn in found.turns),
                    voice=None if vector is None else Voiceprint(vector, self.model),
                )
                for line, vector in zip(lines, heard, strict=True)
            ),
            tuple(people),
            found.turns,
        )

    def enroll(self, samples: Samples) -> Voiceprint:
        """The voice that speaks most in a sample."""
        heard = self.hear(samples)
        voice = max(heard.participants, key=lambda person: person.speech_seconds).voiceprint
        assert voice is not None
        return voice

    def _voice(self, samples: Samples, spans: Iterable[Span], heard: Voiceprint | None) -> Voiceprint:
        if heard is not None and heard.model == self.model:
            return heard
        speech = [samples[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)] for span in spans]
        return Voiceprint(self._embedder.embed(np.concatenate(speech)), self.model)


@dataclass
class Tally:
    """Segments of known people, by the name that they were assigned, and segments of strangers."""

    known: Counter[str]
    strangers: Counter[str]

    def __init__(self) -> None:
        self.known, self.strangers = Counter(), Counter()

    def add(self, truth: str, name: str, names: set[str]) -> None:
        """`name` is the name assigned to the segment, `names` are all known names."""
        if truth in names:
            self.known["right" if name == truth else "wrong" if name in names else "unknown"] += 1
        else:
            self.strangers["named" if name in names else "unknown"] += 1

    def cells(self) -> tuple[str, ...]:
        lines, strangers = self.known.total(), self.strangers.total()
        shares = (f"{self.known[kind] / max(lines, 1):.1%}" for kind in ("right", "wrong", "unknown"))
        return str(lines), *shares, str(strangers), f"{self.strangers['named'] / max(strangers, 1):.1%}"


def _shared(one: Turn | ConversationSegment | Span, other: Turn) -> float:
    start, end = (one.start_offset, one.end_offset) if isinstance(one, ConversationSegment) else (one.start, one.end)
    return min(end, other.end) - max(start, other.start)


def truth_of(line: ConversationSegment, turns: Iterable[Turn]) -> str | None:
    """The person who speaks most during it."""
    heard: Counter[str] = Counter()
    for turn in turns:
        if (seconds := _shared(line, turn)) > 0:
            heard[turn.speaker] += round(1000 * seconds)
    return heard.most_common(1)[0][0] if heard else None


def policy(model: str, threshold: float) -> IdentityPolicy:
    return IdentityPolicy(
        model,
        VoiceSettings(
            speaker_threshold=threshold,
            context_padding=0.15,
            silence_duration=0.5,
            filter_hallucinations=True,
            emotion_threshold=0.6,
        ),
    )


async def save(session: AsyncSession, transcript: Transcript, with_: IdentityPolicy) -> tuple[ConversationSegment, ...]:
    """The segments of a new conversation, with their assigned names."""
    id_ = await conversations.create(session, None, None, "flac")
    await transcripts.save(session, id_, transcript, with_)
    found = await conversations.get(session, id_)
    assert found is not None
    return found.segments


def judge(
    tally: Tally, lines: Iterable[ConversationSegment], turns: Sequence[Turn], names: set[str], shortest: float = MIN_COMPARED_S
) -> None:
    for line in lines:
        truth = truth_of(line, turns)
        if line.end_offset - line.start_offset >= shortest and truth is not None:
            tally.add(truth, line.speaker_name, names)


def enrolled(talk: Talk, everybody: Sequence[str], size: int) -> Iterator[set[str]]:
    """The known people: with each reader left out in turn, the other readers first, then people who are not present."""
    elsewhere = [name for name in everybody if name not in talk.people and name != talk.guest]
    rng = np.random.default_rng(size)
    for number, stranger in enumerate(talk.people):
        others = talk.people[number + 1 :] + talk.people[:number]
        if size > len(others) + len(elsewhere):
            yield {stranger, *others, *elsewhere}
            return
        here = others[:size]
        yield {*here, *(str(name) for name in rng.permutation(elsewhere)[: size - len(here)])}


async def measure(
    database: Database, talks: Sequence[Talk], everybody: Sequence[str], size: int, with_: IdentityPolicy
) -> Tally:
    """Every trial is rolled back, so that it does not affect the next one."""
    tally = Tally()
    for talk in talks:
        for names in enrolled(talk, everybody, size):
            assert len(names) == size
            async with database.session() as session:
                await session.execute(delete(Speaker).where(Speaker.name.not_in(names)))
                judge(tally, await save(session, talk.transcript, with_), talk.turns, names)
                await session.rollback()
    return tally


async def meetings(database: Database, first: Talk, second: Talk, with_: IdentityPolicy) -> Tally:
    tally = Tally()
    async with database.session() as session:
        await session.execute(delete(Speaker))
        said: dict[int, Counter[str]] = {}
        for line in await save(session, first.transcript, with_):
            if line.speaker_id is not None and (truth := truth_of(line, first.turns)):
                said.setdefault(line.speaker_id, Counter())[truth] += round(1000 * (line.end_offset - line.start_offset))
        ids: dict[str, int] = {}
        for speaker, count in said.items():
            name = count.most_common(1)[0][0]
            if name in ids:
                await speaker_admin.merge(session, with_, speaker, ids[name])
            else:
                ids[name] = (await speaker_admin.rename(session, speaker, name)).id
        judge(tally, await save(session, second.transcript, with_), second.turns, set(ids), shortest=0.0)
        await session.rollback()
    return tally


def compositions(data: Path, ears: Ears) -> tuple[dict[str, list[Talk]], Mapping[str, Voiceprint]]:
    """The quiet and the noisy conversations, and the enrolled voice of each person."""
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    guests = compose.impostors(data / "read_speech/librispeech_train-clean-100")
    samples = {guest.reader: _read(guest.path) for guest in guests}
    for reader in dict.fromkeys(utterance.reader for utterance in pool):
        sample = np.zeros(0, np.float32)
        while len(sample) < ENROLLED_FROM * SAMPLE_RATE:
            first = next(utterance for utterance in pool if utterance.reader == reader)
            pool.remove(first)
            sample = np.concatenate([sample, _read(first.path)])
        samples[reader] = sample
    voices = {name: ears.enroll(sample[: round(ENROLLED_FROM * SAMPLE_RATE)]) for name, sample in samples.items()}
    readers = list(dict.fromkeys(utterance.reader for utterance in pool))
    talks: dict[str, list[Talk]] = {"quiet": [], "noisy": []}
    for number, guest in enumerate(guests[: 2 * len(readers)]):
        noisy = number >= len(readers)
        four = [readers[(number + i) % len(readers)] for i in range(4)]
        talk = compose.conversation(
            [*four, guest.reader],
            [*pool, guest],
            60 * MINUTES,
            number,
            overlap=OVERLAP if noisy else 0.0,
            noise=NOISE if noisy else None,
        )
        talks["noisy" if noisy else "quiet"].append(Talk(ears.hear(talk.samples), talk.turns, guest.reader))
    return talks, voices


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return np.asarray(samples)


async def measure_all(url: str, data: Path) -> None:
    ears = Ears()
    began = time.perf_counter()
    talks, voices = compositions(data, ears)
    together = [talk for kind in talks.values() for talk in kind]
    print(f"{len(together)} conversations, {len(voices)} voices; heard in {time.perf_counter() - began:.0f} s")
    await migrate(url)
    database = Database(url)
    default = policy(ears.model, THRESHOLDS[ears.model])
    async with database.session() as session:
        for name, voice in voices.items():
            await speaker_admin.enroll(session, default, name, voice)
    rows = []
    for size in SIZES:
        for kind, some in talks.items():
            tally = await measure(database, some, list(voices), size, default)
            rows.append((str(size), kind, *tally.cells()))
    print(f"\nAt the default threshold, {default.voice.speaker_threshold:.2f}")
    print(table(("enrolled", "talks", *HEADER), rows), flush=True)
    rows = []
    for threshold in CURVE:
        tally = await measure(database, together, list(voices), SIZES[-2], policy(ears.model, threshold))
        rows.append((f"{threshold:.3f}", *tally.cells()))
    print(f"\nWith {SIZES[-2]} enrolled\n{table(('threshold', *HEADER), rows)}", flush=True)
    rows = []
    for pair in PAIRS:
        paths = [data / f"conversations/ami/{name}_0-30s.flac" for name in pair]
        first, second = (Talk(ears.hear(_read(path)), tuple(read_rttm(path.with_suffix(".rttm")))) for path in paths)
        rows.append((", then ".join(pair), *(await meetings(database, first, second, default)).cells()))
    print(f"\nMeetings, half a minute each\n{table(('AMI', *HEADER), rows)}")
    await database.dispose()


def main(data: Data = DATA) -> None:
    with open_directory() as directory, EmbeddedPostgres(directory / "postgres") as server:
        asyncio.run(measure_all(server, data))


if __name__ == "__main__":
    run(main)
