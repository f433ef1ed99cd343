"""Times in a terminal."""

import pytest

from vivavoce.printing import clock


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [
        (0.0, "0:00:00.0"),
        (9.94, "0:00:09.9"),
        (59.94, "0:00:59.9"),
        (59.97, "0:01:00.0"),
        (119.96, "0:02:00.0"),
        (3599.96, "1:00:00.0"),
        (36061.5, "10:01:01.5"),
    ],
)
def test_a_time_has_fewer_than_sixty_seconds(seconds: float, printed: str) -> None:
    assert clock(seconds) == printed
