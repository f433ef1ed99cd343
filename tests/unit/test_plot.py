from xml.etree import ElementTree

from pipeline.evaluation.plot import HEIGHT, WIDTH, curves

SVG = "{http://www.w3.org/2000/svg}"


def test_the_plot_is_an_svg_with_a_line_for_each_name() -> None:
    svg = curves("A <b>", "x & y", [0.1, 0.5, 0.9], {"up": [0, 0.5, 1], "down": [1, 1, 0]}, {"best": 0.5})
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"A <b>", "x & y", "up", "down", "best", "0%", "100%"} <= set(words)
    drawn = [line for line in root.iter(f"{SVG}polyline") if line.get("stroke-width")]
    points = [[tuple(map(float, point.split(","))) for point in line.get("points", "").split()] for line in drawn]
    (a, b, c), down = points
    assert a[0] < b[0] < c[0]
    assert a[1] > b[1] > c[1]  # y grows downwards
    assert down[0][1] == c[1]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for line in points for x, y in line)
