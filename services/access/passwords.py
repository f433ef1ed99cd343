"""Passwords: what is accepted, and their Argon2id hashes.

The rules are those of NIST SP 800-63B-4, 3.1.1.2, for a password that is the only factor: at least 15 characters, no rules of
composition, no expiry, Unicode normalised before hashing.
"""

import asyncio
import secrets
import unicodedata
from functools import cache

from pwdlib import PasswordHash

MIN_CHARS = 15
MAX_CHARS = 256
"""Bounds the work of a request."""
MIN_DIFFERENT_CHARS = 5
CONCURRENT_HASHES = 2
"""A hash takes 64 MiB and tens of milliseconds of four cores (RFC 9106, second recommended option)."""

_hasher = PasswordHash.recommended()


class UnsuitablePasswordError(ValueError):
    """The password is refused; the message says what to do."""


def check(password: str, name: str) -> None:
    """Raises UnsuitablePasswordError where the account `name` may not have this password."""
    given = _normal(password)
    if len(given) < MIN_CHARS:
        raise UnsuitablePasswordError(
            f"The password has fewer than {MIN_CHARS} characters; choose a longer one, such as four words."
        )
    if len(given) > MAX_CHARS:
        raise UnsuitablePasswordError(f"The password has more than {MAX_CHARS} characters; choose a shorter one.")
    if len(set(given)) < MIN_DIFFERENT_CHARS or given.casefold() == _normal(name).casefold():
        raise UnsuitablePasswordError("The password is too easy to guess; choose another one, such as four words.")


class PasswordHasher:
    """Hashes on threads, a few passwords at a time. Belongs to the event loop that first uses it."""

    def __init__(self) -> None:
        self._running = asyncio.Semaphore(CONCURRENT_HASHES)

    async def hash(self, password: str) -> str:
        async with self._running:
            return await asyncio.to_thread(_hasher.hash, _normal(password))

    async def matches(self, password: str, hash_: str | None) -> tuple[bool, str | None]:
        """Whether the password has this hash, and its new hash where the recommended parameters have changed.

        None, for an account that does not exist, takes as long as a hash does.
        """
        async with self._running:
            return await asyncio.to_thread(_matches, _normal(password), hash_)


def _matches(password: str, hash_: str | None) -> tuple[bool, str | None]:
    matching, renewed = _hasher.verify_and_update(password, hash_ or _nobodys())
    return (matching, renewed) if hash_ else (False, None)


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _normal(password: str) -> str:
    """Keyboards and systems encode the same characters differently. Lone surrogates cannot be hashed."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace").decode()
