"""Read the JSON of a profile file member by member, so that memory is bounded by the largest entry, not by the file.

The objects of a hostile file take up to 23 times its text (`[[],[],…]`): 6 GB for the largest file that is accepted.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Never

ARRAYS = ("speakers", "participants", "segments")
MAX_ENTRY_CHARS = 64 * 2**20
"""A speaker with 10,000 references of 512 numbers takes 56 million characters."""
MAX_KEYS = 1000
"""Keys beside the arrays; a profile has nine. More would only cost time."""
MIN_WINDOW_CHARS = 4096

SPACE = re.compile(r"[ \t\n\r]*")
# One match for each escape: a surrogate pair, or, in the group, what PostgreSQL cannot store, or any other.
ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u0000|u[dD][89a-fA-F])|.)", re.DOTALL)


class NotJsonError(ValueError):
    """The text is not JSON, or has characters that cannot be stored."""


class NotAProfileError(ValueError):
    """The text is JSON, but not a profile; the message says where and why."""


def check_characters(text: str) -> None:
    """Raises NotJsonError for escapes of NUL and of half a surrogate pair, which PostgreSQL does not store."""
    if any(match[1] for match in ESCAPE.finditer(text)):
        raise NotJsonError("it has characters that cannot be kept")


def read(text: str) -> Iterator[tuple[str, Any]]:
    """The members of the file's object, in its order: keys with their values, and each entry of an array under the array's key.

    Blocks for some seconds in all for a large file. Raises NotJsonError, NotAProfileError if the text is no object with arrays
    of speakers and segments. What was yielded before is not taken back.
    """
    return _Scanner(text).members()


def read_with_text(text: str) -> Iterator[tuple[str, Any, str]]:
    """The same, each with its text."""
    scanner = _Scanner(text)
    for key, value in scanner.members():
        yield key, value, scanner.value_text


class _Scanner:
    def __init__(self, text: str) -> None:
        self.value_text = ""
        """Of the value that was read last."""
        self._text = text
        self._at = 0
        self._window = MIN_WINDOW_CHARS

    def members(self) -> Iterator[tuple[str, Any]]:
        found: set[str] = set()
        self._skip_space()
        if not self._next_is("{"):
            self._value()
            self._end()
            raise NotAProfileError("it is no object with arrays of speakers and segments")
        for number, key in enumerate(self._keys()):
            if number > MAX_KEYS:
                raise NotAProfileError(f"it has more than {MAX_KEYS} keys")
            if key not in ARRAYS:
                yield key, self._value()
            elif self._next_is("[") and key not in found:
                found.add(key)
                yield from ((key, entry) for entry in self._entries())
            else:
                self._value()
                raise NotAProfileError("it is no object with arrays of speakers and segments")
        self._end()
        if "speakers" not in found:
            raise NotAProfileError("it is no object with arrays of speakers and segments")

    def _keys(self) -> Iterator[str]:
        """The keys of an object. The caller reads the value of each before the next."""
        for _ in self._separated("{", "}"):
            key = self._value()
            if not isinstance(key, str):
                raise NotJsonError(f"it has no key at character {self._at}")
            self._take(":")
            yield key

    def _entries(self) -> Iterator[Any]:
        for _ in self._separated("[", "]"):
            yield self._value()

    def _separated(self, first: str, last: str) -> Iterator[None]:
        """Stops at each item between the brackets; the caller reads it."""
        self._take(first)
        if not self._next_is(last):
            yield
            while self._next_is(","):
                self._take(",")
                yield
        self._take(last)

    def _value(self) -> Any:
        """Read one value."""
        size = self._window
        while True:
            part = self._text[self._at : self._at + size]
            is_rest = self._at + size >= len(self._text)
            try:
                value, length = _decode(part)
            except RecursionError as error:
                raise NotJsonError(f"it is nested too deeply at character {self._at}") from error
            except ValueError as error:
                if is_rest:
                    raise NotJsonError(f"it is not JSON after character {self._at}") from error
            else:
                if length < len(part) or is_rest:
                    self._window = max(MIN_WINDOW_CHARS, 2 * length)
                    self.value_text = part[:length]
                    self._at += length
                    self._skip_space()
                    return value
            if size >= MAX_ENTRY_CHARS:
                raise NotAProfileError(f"the entry at character {self._at} is not JSON, or longer than {MAX_ENTRY_CHARS}")
            size = min(4 * size, MAX_ENTRY_CHARS)

    def _next_is(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _take(self, character: str) -> None:
        if not self._next_is(character):
            raise NotJsonError(f"it is not JSON at character {self._at}")
        self._at += 1
        self._skip_space()

    def _skip_space(self) -> None:
        match = SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _end(self) -> None:
        if self._at != len(self._text):
            raise NotJsonError(f"it is not JSON at character {self._at}")


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
