"""Plot a setting sweep of `vivavoce evaluate`. Needs matplotlib, the optional dependency `plot`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

CURVES = {"accuracy": "right", "false_accepts": "somebody else's name", "misses": "known, but not recognised"}
COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""From the palette of Okabe and Ito: its colours stay distinct for colour-blind readers."""


def plot_sweep(sweep: Mapping[str, Any]) -> Figure:
    """A curve for each of `CURVES` over the values of the setting; `sweep` is a `SettingSweep` of the API as JSON."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(
        title=f"What {sweep['setting']} does to {sweep['lines']} labelled lines", xlabel=sweep["setting"], ylim=(0, 1)
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    values = [point["value"] for point in sweep["points"]]
    for (field, label), colour in zip(CURVES.items(), COLOURS, strict=True):
        axes.plot(values, [point[field] for point in sweep["points"]], color=colour, label=label)
    marks = {"now": sweep["current"]["value"]}
    if sweep["best"] != sweep["current"]:
        marks["best"] = sweep["best"]["value"]
    for name, value in marks.items():
        axes.axvline(value, color="#888", linestyle="--")
        axes.annotate(name, (value, 1), xycoords=("data", "axes fraction"), xytext=(2, -10), textcoords="offset points")
    axes.legend()
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the format of the file's suffix; SVG where it has none. Raises OSError, ValueError."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with rc_context({"svg.fonttype": "none"}):  # text stays text
            figure.savefig(draft, format=path.suffix.lstrip(".") or "svg")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
