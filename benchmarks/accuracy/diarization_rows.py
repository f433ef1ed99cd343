"""Diarization error rates as rows of the table of all figures; the recordings and answers are those of `diarization`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.accuracy import diarization
from benchmarks.harness import figures
from benchmarks.harness.references import Reference
from pipeline.types import Turn


def rows(data: Path, answers: Path) -> Iterator[figures.Row]:
    """Strict, and of words only where the reference has them."""
    recordings = list(diarization.recordings(data, answers))
    found = {
        (system, each.name): diarization.ask(system, each, answers, 1, "cpu").turns
        for each in recordings
        for system in ("ours", "stock")
    }
    for group in dict.fromkeys(map(_group, recordings)):
        own = [each for each in recordings if _group(each) == group]
        for figure, count in (("DER", strict), ("DER, words only", words_only)):
            scored = [each for each in own if figure == "DER" or each.reference.words is not None]
            if scored:
                ours, stock = (
                    [count(each.reference, found[system, each.name], each.duration) for each in scored]
                    for system in ("ours", "stock")
                )
                yield figures.Row(figure, group, ours, stock)


def strict(reference: Reference, found: Sequence[Turn], duration: float) -> figures.Count:
    """The unit is a recording."""
    seconds = _seconds(reference.turns, duration)
    return figures.Count(reference.strict(found, duration) * seconds, seconds)


def words_only(reference: Reference, found: Sequence[Turn], duration: float) -> figures.Count:
    rate, seconds = reference.words_only(found, duration), _seconds(reference.words or (), duration)
    assert rate is not None
    return figures.Count(rate * seconds, seconds)


def _seconds(turns: Iterable[Turn], duration: float) -> float:
    return sum(max(0.0, min(turn.end, duration) - turn.start) for turn in turns)


def _group(recording: diarization.Recording) -> str:
    name = recording.path.parent.name
    return {"ami": "meetings", "pyannote_sample": "telephone"}.get(name, "composed")
