"""Bounds of the stages for a number of GPUs."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployments.scaling.replicas import TOLERANCE


@dataclass(frozen=True, slots=True)
class Share:
    """What a replica of a stage takes and gives."""

    gpus: float
    """Fraction of a GPU that it takes."""
    work: float
    """Seconds that it computes for a second of audio."""


def doubled(gpus: int, stages: Mapping[str, Share]) -> dict[str, int]:
    """Two replicas of each stage as far as all of them fit on `gpus` GPUs, of the others one: the smallest first."""
    counts = dict.fromkeys(stages, 1)
    for name in sorted(stages, key=lambda name: stages[name].gpus):
        if _fit(counts | {name: 2}, stages, gpus):
            counts[name] = 2
    return counts


def upper_bounds(gpus: int, stages: Mapping[str, Share], least: Mapping[str, int] | None = None) -> dict[str, int]:
    """The replicas of each stage that process the most audio on `gpus` GPUs, and all fit there at once.

    Every stage has one, or as many as `least` says. Each further one goes to the stage that needs the longest for a second of
    audio, until it finds no place; what is left goes to the other stages, the slowest first.

    Raises:
        ValueError: One replica of each stage does not fit.
    """
    counts = dict(least or dict.fromkeys(stages, 1))
    if not _fit(counts, stages, gpus):
        needed = sum(stage.gpus for stage in stages.values())
        raise ValueError(
            f"{gpus} GPUs have no room for every stage once, which takes {needed:.2f}: use more, or lower fractions."
        )
    growing = {name for name, stage in stages.items() if stage.gpus > 0}
    while growing:
        name = max(sorted(growing), key=lambda name: stages[name].work / counts[name])
        if _fit(counts | {name: counts[name] + 1}, stages, gpus):
            counts[name] += 1
        else:
            growing.remove(name)
    return counts


def _fit(counts: Mapping[str, int], stages: Mapping[str, Share], gpus: int) -> bool:
    return fits([stages[name].gpus for name, count in counts.items() for _ in range(count)], gpus)


def fits(fractions: Iterable[float], gpus: int) -> bool:
    """Whether the replicas find places when the largest is placed first, each where it leaves the least room, as Serve does."""
    free = [1.0] * gpus  # sorted
    for fraction in sorted(fractions, reverse=True):
        place = bisect_left(free, fraction - TOLERANCE)
        if place == len(free):
            return False
        insort(free, free.pop(place) - fraction)
    return True
