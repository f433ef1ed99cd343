"""Compare settings of VBx on conversations that are like rooms and telephones.

    python -m benchmarks.accuracy.clustering_settings [--data DIRECTORY] [--answers DIRECTORY]

The conversations are composed of read speech, so that their truth is exact (`SETS`). In a room every speaker has another
distance and loudness; on the telephone every speaker has another codec. Each is segmented and embedded once, and clustered with
every setting. The error rate is against speech without the silences in utterances (`compose.spoken`). The interval of the
difference to the first setting is a bootstrap over conversations. It takes about six minutes of one core that has
nothing else to do; with `--answers` an interrupted run continues where it stopped.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.accuracy.diarization import weights
from benchmarks.harness import compose, figures
from benchmarks.harness.command import DATA, Answers, Data, kept_in, run
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
SAME = 0.001
"""Error rates that differ by less are neither better nor worse."""

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


def main(data: Data = DATA, answers: Answers = None) -> None:
    engine = PyannoteDiarization(weights())
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    pool += compose.impostors(data / "read_speech/librispeech_train-clean-100")
    results: dict[str, list[list[Result]]] = {kind.name: [] for kind in SETS}
    with kept_in(answers) as folder:
        for kind, number, seed in in_turn():
            kept = folder / f"clustering {kind.name} {number}.json"
            if not kept.exists():
                talk = composed(kind, pool, *kind.conversations[number], seed)
                kept.write_text(json.dumps([asdict(one) for one in clustered(engine, talk)]))
            found = [Result(**one) for one in json.loads(kept.read_text())]
            results[kind.name].append(found)
            cells = (f"{one.error:.1%} ({one.speakers:+})" for one in found)
            print(kind.name, kind.conversations[number], *cells, file=sys.stderr, flush=True)
    groups = [*results.values(), [one for some in results.values() for one in some]]
    rows = []
    for at, setting in enumerate(SETTINGS):
        means = (f"{np.mean([one[at].error for one in some]):.1%}" for some in groups)
        rows.append((", ".join(f"{value:g}" for value in setting), *means, *total(groups[-1], at)))
    print(table(("threshold, Fa, Fb", *results, "all", "difference", "better, worse", "right number"), rows))


def in_turn() -> Iterator[tuple[Set, int, int]]:
    """Each conversation of each kind, by its number, with a seed: one of each kind, then the next of each."""
    for number in range(max(len(kind.conversations) for kind in SETS)):
        for at, kind in enumerate(SETS):
            if number < len(kind.conversations):
                yield kind, number, 100 * at + number


def total(everything: Sequence[Sequence[Result]], at: int) -> tuple[str, str, str]:
    """The difference to the first setting with its interval, in how many conversations it is better and worse, and in how many
    the number of speakers is right."""
    first, own = ([figures.Count(one[place].error, 1.0) for one in everything] for place in (0, at))
    differences = [one[at].error - one[0].error for one in everything]
    better, worse = sum(one < -SAME for one in differences), sum(one > SAME for one in differences)
    right = sum(one[at].speakers == 0 for one in everything)
    return figures.points(figures.rate(own, first)), f"{better}, {worse}", f"{right}/{len(everything)}"


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
