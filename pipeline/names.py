"""Validation of speakers' names from clients."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

MAX_CHARS = 200


def printable(text: str) -> str:
    """`text` unchanged. Raises ValueError for control characters, and for lone surrogates, which PostgreSQL cannot store."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("Leave out control characters.")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARS),
    AfterValidator(printable),
    Field(examples=["Alice"]),
]
"""A name that is not empty."""

MaybeName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_CHARS),
    AfterValidator(printable),
    Field(examples=["Alice"]),
]
"""A name that may be empty, which means no name."""


def letters(index: int) -> str:
    """A, B, … Z, AA, … for 0, 1, …"""
    found = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        found = chr(ord("A") + letter) + found
    return found
