"""Speakers' names as clients send them."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

LONGEST = 200


def _printable(name: str) -> str:
    # Control characters, and halves of surrogate pairs, which no database stores.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ValueError("A name must not hold control characters.")
    return name


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST),
    AfterValidator(_printable),
    Field(examples=["Alice"]),
]
"""A name that is not empty."""

MaybeName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST),
    AfterValidator(_printable),
    Field(examples=["Alice"]),
]
"""One that may be, which says nothing."""
