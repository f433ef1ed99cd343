"""Names from clients: how they are stored, and when two of them are one name.

Two names are one if they differ in Unicode form, letter case, the amount of spacing or invisible characters alone. `spelling`
is what is stored and shown; `storage.tables.names` has the SQL of the comparison, `key` is the same in Python.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

MAX_CHARS = 200

SHAPING = r"\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""A character class of joiners and variation selectors: invisible, but they change the shape of the character before them."""
INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff" + SHAPING
)
"""A character class of what has no width: Unicode's `Default_Ignorable_Code_Point`, format characters of annotations, and the
empty Braille pattern. In the syntax that Python's `re` and PostgreSQL share."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_SHAPING = re.compile(f"[{SHAPING}]")
_SHAPED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
"""Categories of the characters that these shape: letters without case (Arabic, Indic, Han), their marks, and emoji."""


def visible(text: str) -> str:
    """`text` in NFC without invisible characters, as the search index has it."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


def spelling(name: str) -> str:
    """A name in NFC with single spaces, without control characters and invisible ones that change nothing.

    Empty if nothing is left.
    """
    kept: list[str] = []
    for character in unicodedata.normalize("NFC", name):
        shapes = _SHAPING.match(character) and kept and unicodedata.category(kept[-1]) in _SHAPED
        if shapes or (not _INVISIBLE.match(character) and (character.isspace() or unicodedata.category(character) != "Cc")):
            kept.append(character)
    return " ".join("".join(kept).split())


def key(name: str) -> str:
    """Equal for two spellings of one name."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    return " ".join(plain.split()).lower()


def distinct(names: Iterable[str]) -> list[str]:
    """The names without repetitions, in order, each as it is first spelled."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(key(name), name)
    return list(found.values())


def printable(text: str) -> str:
    """`text` unchanged. Raises ValueError for control characters, and for lone surrogates, which PostgreSQL cannot store."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("Leave out control characters.")
    return text


def given(name: str) -> str:
    """The spelling of a name from a client; an empty name stays empty.

    Raises ValueError for control characters, for a name of invisible characters alone, and for one that is too long.
    """
    found = spelling(printable(name))
    if name and not found:
        raise ValueError("The name has no visible character: give another name.")
    if len(found) > MAX_CHARS:  # some characters are longer in NFC
        raise ValueError(f"The name is too long: give at most {MAX_CHARS} characters.")
    return found


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARS),
    AfterValidator(given),
    Field(examples=["Alice"]),
]
"""A name that is not empty."""

MaybeName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_CHARS),
    AfterValidator(given),
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
