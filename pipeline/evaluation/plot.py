"""Curves as SVG, for a browser or a report."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 50
"""Pixels around the plot, for its title and the numbers on its axes."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Okabe and Ito's, which those who do not see all colours can tell apart."""
TICKS = 5


def curves(
    title: str, label: str, values: Sequence[float], lines: Mapping[str, Sequence[float]], marks: Mapping[str, float]
) -> str:
    """Fractions, 0 to 1, over `values` (rising, two or more), a line for each name, as an SVG document.

    `marks` are places on the axis that get a vertical line and a name.
    """
    low, high = values[0], values[-1]

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(fraction: float) -> float:
        return HEIGHT - BOTTOM - fraction * (HEIGHT - TOP - BOTTOM)

    def text(at_x: float, at_y: float, words: str, *, anchor: str = "middle", colour: str = "#333") -> str:
        return f'<text x="{at_x:.1f}" y="{at_y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'

    def line(points: Sequence[tuple[float, float]], colour: str, more: str = "") -> str:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" {more}/>'

    parts = [text(WIDTH / 2, TOP / 2, title), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, label)]
    for step in range(TICKS + 1):
        fraction = step / TICKS
        parts.append(line([(LEFT, y(fraction)), (WIDTH - RIGHT, y(fraction))], "#ddd"))
        parts.append(text(LEFT - 8, y(fraction) + 4, f"{fraction:.0%}", anchor="end"))
        parts.append(text(x(low + fraction * (high - low)), HEIGHT - BOTTOM + 18, f"{low + fraction * (high - low):.2g}"))
    for name, at in marks.items():
        parts.append(line([(x(at), y(0)), (x(at), y(1))], "#888", 'stroke-dasharray="4 3"'))
        parts.append(text(x(at), TOP - 5, name, colour="#666"))
    for number, (name, fractions) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(line([(x(v), y(f)) for v, f in zip(values, fractions, strict=True)], colour, 'stroke-width="2"'))
        parts.append(text(LEFT + 10, TOP + 18 * (number + 1), name, anchor="start", colour=colour))
    style = 'font-family="sans-serif" font-size="12"'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
    return "\n".join([frame, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *parts, "</svg>"])
