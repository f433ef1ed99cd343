from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from vivavoce.plot import plot_sweep, save

SVG = "{http://www.w3.org/2000/svg}"
POINTS = [
    {"value": 0.1, "accuracy": 0.0, "false_accepts": 1.0, "misses": 0.0},
    {"value": 0.5, "accuracy": 0.5, "false_accepts": 0.5, "misses": 0.0},
    {"value": 0.9, "accuracy": 1.0, "false_accepts": 0.0, "misses": 0.0},
]
SWEEP = {"setting": "x & y", "lines": 7, "current": POINTS[1], "best": POINTS[2], "points": POINTS}


def test_a_sweep_has_a_curve_for_each_fraction() -> None:
    (axes,) = plot_sweep(SWEEP).axes
    points = {line.get_label(): np.asarray(line.get_xydata()) for line in axes.lines}
    curves = {label: xy.tolist() for label, xy in points.items() if len(xy) == 3}
    assert curves["right"] == [[0.1, 0.0], [0.5, 0.5], [0.9, 1.0]]
    assert curves["somebody else's name"] == [[0.1, 1.0], [0.5, 0.5], [0.9, 0.0]]
    assert curves["known, but not recognised"] == [[0.1, 0.0], [0.5, 0.0], [0.9, 0.0]]
    assert axes.get_ylim() == (0, 1)


def test_the_current_value_and_a_better_one_are_marked() -> None:
    def marks(sweep: dict[str, object]) -> list[str]:
        (axes,) = plot_sweep(sweep).axes
        return [text.get_text() for text in axes.texts]

    assert marks(SWEEP) == ["now", "best"]
    assert marks(SWEEP | {"best": POINTS[1]}) == ["now"]


def test_an_svg_keeps_its_text(tmp_path: Path) -> None:
    save(plot_sweep(SWEEP), tmp_path / "curve.svg")
    root = ElementTree.parse(tmp_path / "curve.svg").getroot()
    assert root.tag == f"{SVG}svg"
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"What x & y does to 7 labelled lines", "x & y", "right", "now", "best", "0%", "100%"} <= words


def test_the_suffix_chooses_the_format(tmp_path: Path) -> None:
    save(plot_sweep(SWEEP), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="not supported"):
        save(plot_sweep(SWEEP), tmp_path / "curve.doc")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]
