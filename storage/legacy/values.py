"""Check single values of a foreign SQLite file: its columns hold values of any type. An invalid value becomes None."""

import json
import math
from datetime import UTC, datetime
from typing import Any, Never

import numpy as np

from pipeline.types import Vector

MAX_NUMBER = 1e30
"""Of a vector, as `pipeline.formats.profile_file` limits it: the squares of 4096 of them are float64 numbers."""


def integer(value: object) -> int | None:
    """An id: positive."""
    return value if isinstance(value, int) and value > 0 else None


def number(value: object, low: float, high: float) -> float | None:
    if not isinstance(value, int | float):
        return None
    found = float(value)
    return found if math.isfinite(found) and low <= found <= high else None


def text(value: object, max_chars: int) -> str | None:
    """Without NUL and lone surrogates, which PostgreSQL cannot store, and cut off at `max_chars`."""
    if not isinstance(value, str):
        return None
    return value[:max_chars].replace("\0", "").encode("utf-8", "ignore").decode()


def moment(value: object) -> datetime | None:
    """SQLAlchemy writes a time as `2025-11-09 16:02:30.123456`, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value[:40])
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1970 <= found.year <= 2200 else None


def flag(value: object) -> bool:
    return value == 1


def vector(value: object, dimension: int) -> Vector | None:
    """A vector of little-endian float32 numbers with nothing before or after: `numpy.ndarray.tobytes`, never a pickle."""
    if not isinstance(value, bytes) or len(value) != 4 * dimension:
        return None
    found = np.frombuffer(value, "<f4").astype(np.float32)
    return found if (np.abs(found) <= MAX_NUMBER).all() and found.any() else None


def json_value(value: object) -> Any:
    """Parsed JSON of a text column; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")
