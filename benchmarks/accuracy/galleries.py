"""Measure who is recognised from little speech, by the number of known voices.

    python -m benchmarks.accuracy.galleries [--data DIRECTORY] [--vectors FILE]

Readers of LibriSpeech with several utterances are enrolled from one utterance, or from three, and searched for by 2, 4 and up
to 8 s of speech of their other utterances, among known voices of other readers. Strangers are searched for, too: the other
readers with several utterances, and those with one who are not among the known voices. Silences are cut out everywhere.
"Before" is the cosine similarity with the threshold of that time, 0.53; "now" the program's similarity, which is corrected for
the length of speech (`pipeline.identity.attenuation`), its default threshold, and its rule for voices that resemble two people.

There are as many real voices as the folder has readers. Galleries beyond that are filled with augmented voices: unit vectors
drawn from a normal distribution with the mean and the covariance of the real ones.

`CHANCE_S` is calibrated on strangers, the readers with one utterance: on each half of them, and on all. Those who are searched
for do not take part in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
from numpy.typing import NDArray
from scipy.optimize import least_squares

from benchmarks.harness import figures
from benchmarks.harness.command import DATA, Data, run
from benchmarks.harness.compose import speech_of
from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.resolver import resolve
from pipeline.identity.gallery import Reference, ReferenceMatrix
from pipeline.identity.matching import NEXT_SIMILARITY, closest, examined, units, without_doubtful
from pipeline.identity.thresholds import default_threshold
from pipeline.types import SAMPLE_RATE, Samples, Span, Vector
from settings import Settings
from vivavoce.printing import table

SIZES = (1, 10, 44, 100, 200, 1000, 10_000)
ENROLLED_S = 6.0
"""Speech of an utterance of a reader with one that is enrolled; the rest is of a stranger."""
PROBES_S = (2.0, 4.0, 8.0)
SHORTEST_S = 1.5
FIRST_OF = 44
"""Voices for which results are printed by reader, each enrolled from the first utterance."""
DRAWS = 40
"""Galleries that are drawn for each size."""
BEFORE = ("", 0.53)
"""No model, so that similarities are not corrected, and the threshold."""
RARE = 0.99
"""Share of the similarities of strangers below the one that calibrates `CHANCE_S`."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    reader: str
    seconds: float
    vector: Vector


@dataclass
class Utterance:
    whole: Voice
    starts: dict[float, Voice] = field(default_factory=dict)
    """Its first seconds, by their number."""
    rest: list[Voice] = field(default_factory=list)
    """Of a reader with one utterance: speech after the enrolled part."""


class Ears:
    def __init__(self) -> None:
        weights = resolve("embedding", Settings(), gpu=False)
        self.model = weights.name
        self._engine = SpeakerEmbedding(weights.path)

    def hear(self, reader: str, speech: Samples, start: float = 0.0, seconds: float = 1e9) -> Voice:
        part = speech[round(start * SAMPLE_RATE) : round((start + seconds) * SAMPLE_RATE)]
        (vector,) = self._engine.embed_each(part, [Span(0.0, len(part) / SAMPLE_RATE)])
        assert vector is not None
        return Voice(reader, len(part) / SAMPLE_RATE, vector)

    def utterances(self, data: Path) -> Iterator[Utterance]:
        """Those of readers with several."""
        for path in sorted((data / "read_speech/librispeech_test-other").glob("*/*.flac")):
            speech = speech_of(_read(path))
            if len(speech) < SHORTEST_S * SAMPLE_RATE:
                continue
            one = Utterance(self.hear(path.parent.name, speech))
            for seconds in PROBES_S:
                if len(speech) >= seconds * SAMPLE_RATE or seconds == PROBES_S[-1]:
                    one.starts[seconds] = self.hear(path.parent.name, speech, 0.0, seconds)
            yield one

    def single(self, data: Path) -> Iterator[Utterance]:
        for path in sorted((data / "read_speech/librispeech_train-clean-100").glob("*.flac")):
            reader, speech = path.name.partition("-")[0], speech_of(_read(path))
            if len(speech) < (ENROLLED_S + PROBES_S[0]) * SAMPLE_RATE:
                continue
            one = Utterance(self.hear(reader, speech, 0.0, ENROLLED_S))
            left = len(speech) / SAMPLE_RATE - ENROLLED_S
            one.rest = [self.hear(reader, speech, ENROLLED_S, seconds) for seconds in (2.0, 4.0) if seconds <= left]
            yield one


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return np.asarray(samples)


def calibrated(single: Sequence[Utterance]) -> float:
    """The seconds of speech of which a vector is half chance."""
    voices: dict[float, list[Voice]] = {}
    for one in single:
        for voice in (one.whole, *one.rest):
            voices.setdefault(round(voice.seconds), []).append(voice)
    seen = []
    for shorter, longer in combinations_with_replacement(sorted(voices), 2):
        some, others = voices[shorter], voices[longer]
        products = np.stack([voice.vector for voice in some]) @ np.stack([voice.vector for voice in others]).T
        strangers = np.array([[one.reader != other.reader for other in others] for one in some])
        seen.append((shorter, longer, float(np.quantile(products[strangers], RARE))))

    def residuals(fit: NDArray[np.float64]) -> list[float]:
        shares = [np.sqrt(a / (a + fit[1]) * b / (b + fit[1])) for a, b, _ in seen]
        return [fit[0] * share - similarity for share, (_, _, similarity) in zip(shares, seen, strict=True)]

    print("; ".join(f"{a} and {b} s: {similarity:.3f}" for a, b, similarity in seen))
    return float(least_squares(residuals, [0.4, 0.3]).x[1])


@dataclass
class Tally:
    """By the true reader: how many probes there were, how many were right, and how many got another's name."""

    known: dict[str, list[int]] = field(default_factory=dict)
    strangers: dict[str, list[int]] = field(default_factory=dict)

    def add(self, voice: Voice, name: str | None, *, known: bool) -> None:
        counts = (self.known if known else self.strangers).setdefault(voice.reader, [0, 0, 0])
        counts[0] += 1
        counts[1] += name == voice.reader
        counts[2] += name is not None and name != voice.reader

    def cells(self) -> tuple[str, ...]:
        right, wrong, named = _share(self.known, 1), _share(self.known, 2), _share(self.strangers, 2)
        return right, wrong, named


def _share(counts: Mapping[str, Sequence[int]], column: int) -> str:
    """A share of all probes, with its interval over readers."""
    return str(figures.rate([figures.Count(row[column], row[0]) for row in counts.values()]))


def augmented(voices: Sequence[Voice], count: int, rng: np.random.Generator) -> Vectors:
    """Vectors of people who do not exist."""
    real = np.stack([voice.vector for voice in voices])
    drawn = real.mean(axis=0) + rng.standard_normal((count, len(real))) @ (real - real.mean(axis=0)) / np.sqrt(len(real) - 1)
    return units(drawn.astype(np.float32))[0]


class Known:
    """The known voices, and the program's way to recognise them."""

    def __init__(self, voices: Sequence[Voice], invented: Vectors, model: str, threshold: float) -> None:
        self._names = sorted({voice.reader for voice in voices})
        self._model, self._threshold = model, threshold
        self._matrix = ReferenceMatrix(len(voices[0].vector), model)
        ids = {name: at for at, name in enumerate(self._names)}
        self._matrix.put([Reference(at, ids[one.reader], one.vector, one.seconds) for at, one in enumerate(voices)])
        self._matrix.put(
            [Reference((at,), len(ids) + at, vector, ENROLLED_S) for at, vector in enumerate(invented)]  # other keys
        )
        self._everybody = frozenset(range(len(ids) + len(invented)))

    def recognise(self, probes: Sequence[Voice]) -> Iterator[str | None]:
        """The reader that each of the voices is taken for; an invented one has no name."""
        vectors, lengths = np.stack([voice.vector for voice in probes]), [voice.seconds for voice in probes]
        for found in self._matrix.neighbours(vectors, NEXT_SIMILARITY if self._model else self._threshold, lengths):
            near = examined(found, self._threshold)
            match = closest(without_doubtful(near, self._everybody, self._threshold) if self._model else near)
            if match is None:
                yield None
            else:
                yield self._names[match.speaker_id] if match.speaker_id < len(self._names) else "nobody"


def measure(
    several: Mapping[str, Sequence[Utterance]],
    single: Sequence[Utterance],
    size: int,
    enrolled: int,
    model: str,
    threshold: float,
    *,
    first: bool = False,
) -> dict[float, Tally]:
    """The tally of each length of speech. A gallery has one reader with several utterances, and `size` - 1 other people.

    The utterances to enroll are drawn; with `first` they are the reader's first.
    """
    rng, tallies = np.random.default_rng(size), {seconds: Tally() for seconds in PROBES_S}
    for draw in range(DRAWS if size < SIZES[-2] else len(several)):
        person = list(several)[draw % len(several)]
        drawn = rng.permutation(len(several[person]))
        own = several[person] if first else [several[person][at] for at in drawn]
        order = [single[at] for at in rng.permutation(len(single))]
        real = order[: min(size - 1, len(order) * 9 // 10)]
        invented = augmented([one.whole for one in single], size - 1 - len(real), rng)
        known = Known([one.whole for one in [*own[:enrolled], *real]], invented, model, threshold)
        others = [one for name, some in several.items() if name != person for one in some]
        for seconds, tally in tallies.items():
            mine = [one.starts[seconds] for one in own[enrolled:] if seconds in one.starts]
            strangers = [one.starts[seconds] for one in others if seconds in one.starts]
            strangers += [one for left in order[len(real) :] for one in left.rest if round(one.seconds) == seconds]
            for voice, name in zip([*mine, *strangers], known.recognise([*mine, *strangers]), strict=True):
                tally.add(voice, name, known=voice.reader == person)
    return tallies


def main(
    data: Data = DATA,
    vectors: Annotated[Path | None, typer.Option(help="File in which the vectors are kept and found again.")] = None,
) -> None:
    several, single, model = heard(data, vectors)
    halves = (calibrated(single[::2]), calibrated(single[1::2]), calibrated(single))
    print(f"{model}: CHANCE_S by each half of {len(single)} readers, and by all:", *(f"{chance:.2f}" for chance in halves))
    by_reader: dict[str, list[Utterance]] = {}
    for one in several:
        by_reader.setdefault(one.whole.reader, []).append(one)
    print(f"{len(by_reader)} readers are searched for, {len(single)} others")
    settings, rows = (BEFORE, (model, default_threshold(model))), []
    for enrolled in (1, 3):
        for size in SIZES:
            found = [measure(by_reader, single, size, enrolled, *setting) for setting in settings]
            for seconds in PROBES_S:
                cells = (cell for kind in found for cell in kind[seconds].cells())
                rows.append((str(enrolled), f"{size:,}", f"{seconds:g} s", *cells))
    before_now = ("right before", "wrong", "strangers named", "right now", "wrong", "strangers named")
    print(table(("utterances enrolled", "voices", "speech", *before_now), rows))
    print(f"\nThe first utterance enrolled, {FIRST_OF} voices, {PROBES_S[0]:g} s; speech enrolled")
    header = ("reader", "enrolled", "searched for", "right before", "right now", "strangers before", "now")
    print(table(header, list(firsts(by_reader, single, settings))))


def firsts(
    several: Mapping[str, Sequence[Utterance]], single: Sequence[Utterance], settings: Sequence[tuple[str, float]]
) -> Iterator[tuple[str, ...]]:
    """By reader, the shares of probes with the right name, and of strangers that are named."""
    for name, some in several.items():
        found = [measure({name: some}, single, FIRST_OF, 1, *setting, first=True)[PROBES_S[0]] for setting in settings]
        count, seconds = found[0].known[name][0], some[0].whole.seconds
        right = (f"{one.known[name][1] / count:.0%}" for one in found)
        yield name, f"{seconds:.1f} s", str(count // DRAWS), *right, *(_share(one.strangers, 2) for one in found)


def heard(data: Path, kept: Path | None) -> tuple[list[Utterance], list[Utterance], str]:
    """The utterances of readers with several and with one, and the embedding model."""
    import pickle

    if kept is not None and kept.exists():
        found: tuple[list[Utterance], list[Utterance], str] = pickle.loads(kept.read_bytes())
        return found
    ears = Ears()
    found = list(ears.utterances(data)), list(ears.single(data)), ears.model
    if kept is not None:
        kept.write_bytes(pickle.dumps(found))
    return found


if __name__ == "__main__":
    run(main)
