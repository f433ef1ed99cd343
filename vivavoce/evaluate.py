"""`vivavoce evaluate`: measure a running application's transcripts against labels and references."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vivavoce.printing import table
from vivavoce.remote import post

TIMEOUT_S = 900.0
"""With `--sweep-padding` the application embeds segments of stored recordings again."""


class EvaluationError(Exception):
    """The evaluation failed; the message is a sentence that gives the reason."""


def run(
    address: str,
    headers: Mapping[str, str],
    conversations: Sequence[int] | None,
    texts: Mapping[int, Path],
    rttm: Mapping[int, Path],
    *,
    collar: float,
    sweep_padding: bool,
    plot: Path | None,
) -> str:
    """Have the application at `address` measure, plot the sweeps to `plot` if that is given, and return printable tables.

    Raises:
        EvaluationError: Where the plot cannot be made, or a reference is no text.
        vivavoce.remote.RemoteError: Where nothing answers, or the application refuses.
        FileNotFoundError: Where a reference file does not exist.
    """
    if plot is not None:
        _require_matplotlib()
    question = {
        "conversation_ids": conversations,
        "texts": {id_: _text(path) for id_, path in texts.items()},
        "rttm": {id_: _text(path) for id_, path in rttm.items()},
        "collar": collar,
        "sweep_padding": sweep_padding,
    }
    found = post(address, headers, "/evaluation", question, TIMEOUT_S)
    if plot is not None:
        _plot(found["sweeps"], plot)
    return "\n\n".join([_scores(found), *(_sweep(sweep) for sweep in found["sweeps"])])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path} is not text in UTF-8.") from error


def _require_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        raise EvaluationError("--plot needs matplotlib: pip install 'vivavoce[plot]'.")


def _plot(sweeps: Sequence[Mapping[str, Any]], first: Path) -> None:
    """Write one file for each sweep: `plot.svg`, `plot-2.svg`, …"""
    from vivavoce.plot import plot_sweep, save

    for number, sweep in enumerate(sweeps, 1):
        path = first if number == 1 else first.with_stem(f"{first.stem}-{number}")
        try:
            save(plot_sweep(sweep), path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise EvaluationError(f"the plot cannot be written to {path} ({reason}).") from error


def _scores(found: Mapping[str, Any]) -> str:
    header = ("conversation", "lines", "right", "right, 2 s+", "right by time", "DER", "WER")
    rows = [_row(f"{score['id']} {score['title'] or ''}"[:40], score) for score in found["conversations"]]
    return table(header, [*rows, _row("all", found)])


def _row(name: str, score: Mapping[str, Any]) -> tuple[str, ...]:
    every, long = score["identification"], score["identification_long"]
    rates = [(score[kind] or {}).get("rate") for kind in ("diarization", "words")]
    names = [_percent(value) for value in (every["accuracy"], long["accuracy"], every["accuracy_by_time"], *rates)]
    return name.strip(), str(every["segments"]), *names


def _sweep(sweep: Mapping[str, Any]) -> str:
    """About ten of the points, with where the setting stands and where it would be best."""
    points, current, best = sweep["points"], sweep["current"], sweep["best"]
    step = max(1, len(points) // 10)
    shown = {point["value"]: point for point in [*points[::step], current, best]}
    rows = [
        (
            f"{value:.2f}",
            _percent(point["accuracy"]),
            _percent(point["false_accepts"]),
            _percent(point["misses"]),
            " ".join(name for name, at in (("now", current), ("best", best)) if at["value"] == value),
        )
        for value, point in sorted(shown.items())
    ]
    advice = f"{sweep['setting']} {current['value']:.2f} is as good as any."
    if sweep["gain"] > 0:
        advice = f"{sweep['setting']} {best['value']:.2f} would be right about {sweep['gain']:.1%} more of the trials."
    header = (sweep["setting"], "right", "wrong name", "not recognised", "")
    return f"{table(header, rows)}\n{advice} ({sweep['lines']} labelled lines)"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.1%}"
