"""Identification by the length of speech and the number of known voices, as rows of the table of all figures.

Stock is the cosine similarity with one threshold for any length of speech. Voices and trials are those of `galleries`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.accuracy import galleries
from benchmarks.harness import figures
from pipeline.identity.thresholds import default_threshold

ENROLLED = (1, 3)
"""Utterances."""


def rows(data: Path, answers: Path) -> Iterator[figures.Row]:
    several, single, model = galleries.heard(data, answers / "voices.pickle")
    by_reader: dict[str, list[galleries.Utterance]] = {}
    for one in several:
        by_reader.setdefault(one.whole.reader, []).append(one)
    settings = ((model, default_threshold(model)), galleries.BEFORE)
    for enrolled in ENROLLED:
        for size in galleries.SIZES:
            ours, stock = (galleries.measure(by_reader, single, size, enrolled, *setting) for setting in settings)
            for seconds in galleries.PROBES_S:
                of = f"{seconds:g} s, {size:,} voices of {enrolled} utterance{'s' * (enrolled > 1)}"
                pair = (ours[seconds], stock[seconds])
                yield figures.Row("not recognised", of, *(_counts(tally.known, lambda c: c[0] - c[1]) for tally in pair))
                yield figures.Row("stranger named", of, *(_counts(tally.strangers, lambda c: c[2]) for tally in pair))


def _counts(tally: Mapping[str, Sequence[int]], wrong: Callable[[Sequence[int]], int]) -> list[figures.Count]:
    """The unit is a reader."""
    return [figures.Count(wrong(tally[reader]), tally[reader][0]) for reader in sorted(tally)]
