"""Compare settings of VBx on conversations that are like rooms and telephones.

    python -m benchmarks.accuracy.clustering_settings [--data DIRECTORY]

The conversations are composed of read speech, so that their truth is exact (`SETS`). In a room every speaker has another
distance and loudness; on the telephone every speaker has another codec. Each is segmented and embedded once, and clustered with
every setting. The error rate is against speech without the silences in utterances (`compose.spoken`). The interval of the
difference to the first setting is a bootstrap over conversations. It takes about six minutes of one core that has
nothing else to do.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.diarization import weights
from benchmarks.harness import compose
from benchmarks.harness.command import DATA, Data, run
from benchmarks.harness.conditions import coded, room
from benchmarks.harness.references import Reference
from engines.diarization import PyannoteDiarization
from pipeline.transcript.windows import shards
from pipeline.types import SAMPLE_RATE, Samples
from vivavoce.printing import table

SETTINGS = (
    (0.6, 0.07, 0.8),  # community-1's own
    (0.7, 0.07, 0.6),
    (0.6, 0.07, 0.6),
    (0.7, 0.07, 0.8),
    (0.65, 0.07, 0.7),
    (0.75, 0.07, 0.6),
    (0.7, 0.07, 0.5),
    (0.5, 0.07, 0.8),
)
"""Threshold of the first clustering, Fa and Fb."""
OVERLAP = 0.25
CODECS = (("pcm_mulaw", 8000, None), ("libopencore_amrnb", 8000, 7950), ("libopus", 16000, 8000), ("g722", 16000, None))
BOOTSTRAPS = 10_000

Sound = Callable[[str, Samples], Samples]


@dataclass(frozen=True, slots=True)
class Set:
    """Conversations of one kind."""

    name: str
    noise: float
    """Signal-to-noise ratio, dB."""
    conversations: Sequence[tuple[int, float]]
    """Speakers and minutes of each."""


SHORT = ((2, 2.0), (4, 2.0), (6, 2.0), (3, 2.0), (5, 2.0))
SETS = (
    Set("close", 20.0, SHORT),
    Set("room", 15.0, SHORT),
    Set("room, noisy", 8.0, SHORT),
    Set("telephone", 15.0, SHORT[:4]),
    Set("telephone, noisy", 8.0, SHORT[:4]),
    Set("room, long", 15.0, ((5, 8.0),)),
)


@dataclass(frozen=True, slots=True)
class Result:
    error: float
    speakers: int
    """Found, less those in the reference."""


def main(data: Data = DATA) -> None:
    engine = PyannoteDiarization(weights())
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    pool += compose.impostors(data / "read_speech/librispeech_train-clean-100")
    results: dict[str, list[list[Result]]] = {kind.name: [] for kind in SETS}
    for kind, number, seed in in_turn():
        talk = composed(kind, pool, *kind.conversations[number], seed)
        found = list(clustered(engine, talk))
        results[kind.name].append(found)
        cells = (f"{one.error:.1%} ({one.speakers:+})" for one in found)
        print(kind.name, kind.conversations[number], *cells, file=sys.stderr, flush=True)
    groups = [*results.values(), [one for some in results.values() for one in some]]
    rows = []
    for at, setting in enumerate(SETTINGS):
        means = (f"{np.mean([one[at].error for one in some]):.1%}" for some in groups)
        rows.append((", ".join(f"{value:g}" for value in setting), *means, *total(groups[-1], at)))
    print(table(("threshold, Fa, Fb", *results, "all", "difference", "right number"), rows))


def in_turn() -> Iterator[tuple[Set, int, int]]:
    """Each conversation of each kind, by its number, with a seed: one of each kind, then the next of each."""
    for number in range(max(len(kind.conversations) for kind in SETS)):
        for at, kind in enumerate(SETS):
            if number < len(kind.conversations):
                yield kind, number, 100 * at + number


def total(everything: Sequence[Sequence[Result]], at: int) -> tuple[str, str]:
    """The difference to the first setting with its 95 % interval, and how often the number of speakers is right."""
    differences = np.array([one[at].error - one[0].error for one in everything])
    drawn = np.random.default_rng(0).integers(0, len(differences), (BOOTSTRAPS, len(differences)))
    low, high = np.quantile(differences[drawn].mean(axis=1), (0.025, 0.975))
    right = sum(one[at].speakers == 0 for one in everything)
    return f"{100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})", f"{right}/{len(everything)}"


def composed(kind: Set, pool: Sequence[compose.Utterance], speakers: int, minutes: float, seed: int) -> compose.Composed:
    """A conversation of readers drawn by `seed`: those with several utterances where there are enough of them."""
    rng = np.random.default_rng(seed)
    counts = {utterance.reader: 0 for utterance in pool}
    for utterance in pool:
        counts[utterance.reader] += 1
    several = [reader for reader, count in counts.items() if count > 1]
    single = [reader for reader, count in counts.items() if count == 1]
    readers = [str(reader) for reader in rng.permutation(several)[:speakers]]
    readers += [str(reader) for reader in rng.permutation(single)[: speakers - len(readers)]]
    sound = sound_of(kind.name, readers, rng)
    return compose.conversation(readers, pool, 60 * minutes, seed, overlap=OVERLAP, noise=kind.noise, repeat=True, sound=sound)


def sound_of(kind: str, readers: Sequence[str], rng: np.random.Generator) -> Sound:
    """How the readers of a conversation sound."""
    reverberation = rng.uniform(0.3, 0.7)
    direct = dict(zip(readers, rng.uniform(-6.0, 3.0, len(readers)), strict=True))
    gain = dict(zip(readers, 10 ** (rng.uniform(-6.0, 6.0, len(readers)) / 20), strict=True))
    codec = {reader: CODECS[int(at)] for reader, at in zip(readers, rng.integers(0, len(CODECS), len(readers)), strict=True)}

    def sound(reader: str, samples: Samples) -> Samples:
        if kind.startswith("room"):
            place = np.random.default_rng(int.from_bytes(reader.encode()))  # a speaker does not move
            samples = room(samples, place, reverberation, direct[reader]) * np.float32(gain[reader])
        elif kind.startswith("telephone"):
            samples = coded(samples, *codec[reader]) * np.float32(gain[reader] ** 0.5)
        return samples

    return sound


def clustered(engine: PyannoteDiarization, talk: compose.Composed) -> Iterator[Result]:
    """The result of each setting, from the same observations."""
    duration = len(talk.samples) / SAMPLE_RATE
    observations = [engine.observe(talk.samples, shard) for shard in shards(duration)]
    reference = Reference(talk.turns, compose.spoken(talk))
    people = len({turn.speaker for turn in talk.turns})
    clustering = engine._pipeline.clustering
    for clustering.threshold, clustering.Fa, clustering.Fb in SETTINGS:
        turns = engine.cluster(observations).turns
        error = reference.words_only(turns, duration)
        assert error is not None
        yield Result(error, len({turn.speaker for turn in turns}) - people)


if __name__ == "__main__":
    run(main)
