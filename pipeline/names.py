"""Speakers' names as clients send them."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

LONGEST = 200


def printable(text: str) -> str:
    """The same text. Raises ValueError where it holds what no database stores or no page shows."""
    # Control characters, and halves of surrogate pairs, which no database stores.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("Leave out control characters.")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST),
    AfterValidator(printable),
    Field(examples=["Alice"]),
]
"""A name that is not empty."""

MaybeName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST),
    AfterValidator(printable),
    Field(examples=["Alice"]),
]
"""One that may be, which says nothing."""
