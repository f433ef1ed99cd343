"""Rates with their confidence intervals, stock beside ours in one table, and the baseline that they must not fall below."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.printing import table

RESAMPLES = 2000
LEVEL = 0.95
"""Of the confidence intervals."""
SEED = 1
MARGIN = 0.03
"""Of the baseline, at least: processors round differently, and one recording has no interval."""
HEADER = ("figure", "of", "units", "stock", "ours", "ours - stock")


@dataclass(frozen=True, slots=True)
class Count:
    """Errors of one unit, such as an utterance: what the bootstrap draws."""

    wrong: float
    total: float
    kind: str = ""
    """A rate is the mean over the kinds (classes of emotion, which are not equally frequent)."""
    unit: str = ""
    """Counts of one unit (a speaker) are drawn together; without a name a count is a unit of its own."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%}" + (f" ({self.low:.1%} to {self.high:.1%})" if self.low < self.high else "")


@dataclass(frozen=True, slots=True)
class Row:
    """A rate of errors, lower being better, of the same units by stock and by ours."""

    figure: str
    of: str
    ours: Sequence[Count]
    stock: Sequence[Count] | None = None
    """None where no other program does this."""

    @property
    def name(self) -> str:
        return f"{self.figure}, {self.of}"

    def cells(self) -> tuple[str, ...]:
        stock, difference = ("–", "–") if not self.stock else (str(rate(self.stock)), points(rate(self.ours, self.stock)))
        return self.figure, self.of, str(int(_units(self.ours).max()) + 1), stock, str(rate(self.ours)), difference


def rate(counts: Sequence[Count], minus: Sequence[Count] | None = None) -> Rate:
    """The rate of errors, or what it is more than that of the same units in `minus`, by a percentile bootstrap over the units.

    With one unit the interval is the value.
    """
    places = _units(counts)
    size = int(places.max()) + 1
    draws = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), RESAMPLES)
    weights = np.vstack([np.ones(len(counts)), draws[:, places]])
    rates = _rates(counts, weights) - (_rates(minus, weights) if minus else 0.0)
    low, high = np.nanquantile(rates[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Rate(float(rates[0]), float(low), float(high))


def _units(counts: Sequence[Count]) -> NDArray[np.int64]:
    """The number of the unit of each count."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(count.unit or place, len(numbers)) for place, count in enumerate(counts)])


def _rates(counts: Sequence[Count], weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """The rate for each row of weights of the units; without a unit in a draw a kind does not count in it."""
    kinds = sorted({count.kind for count in counts})
    parts = np.array([[[c.wrong, c.total] if c.kind == kind else [0.0, 0.0] for c in counts] for kind in kinds])
    sums = weights @ parts  # shape (kinds, draws, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = sums[..., 0] / sums[..., 1]
    return np.asarray(np.nanmean(found, axis=0) if len(kinds) > 1 else found[0])


def points(difference: Rate) -> str:
    """A difference in percentage points, with its interval."""
    low, value, high = (f"{100 * part:+.1f}" for part in (difference.low, difference.value, difference.high))
    return value + (f" ({low} to {high})" if difference.low < difference.high else "")


def shown(rows: Iterable[Row]) -> str:
    return table(HEADER, [row.cells() for row in rows])


def write(path: Path, rows: Iterable[Row]) -> None:
    """Make the figures of ours the baseline."""
    found = {row.name: rate(row.ours) for row in rows}
    content = {name: {"value": f.value, "low": f.low, "high": max(f.high, f.value + MARGIN)} for name, f in found.items()}
    rounded = {name: {key: round(value, 4) for key, value in figure.items()} for name, figure in content.items()}
    path.write_text(json.dumps(rounded, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def worse(path: Path, rows: Iterable[Row]) -> list[str]:
    """A sentence for each figure that is above the interval of the baseline, or without one."""
    baseline: Mapping[str, Mapping[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    found = []
    for row in rows:
        now, before = rate(row.ours).value, baseline.get(row.name)
        if before is None:
            found.append(f"{row.name}: the baseline has no such figure.")
        elif round(now, 4) > before["high"]:
            found.append(f"{row.name}: {now:.1%}, but at most {before['high']:.1%} in the baseline.")
    return found
