"""The secret with which the client of a live conversation resumes it. The database has its hash alone."""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 32
MAX_TOKEN_LENGTH = 200
"""Characters that are accepted of a client; a token has 43."""


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """SHA-256: a token is random, so that it needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def matches(token: str | None, token_hash: bytes | None) -> bool:
    """Whether `token_hash` is that of `token`; neither may be missing. The time does not depend on the difference."""
    return token is not None and token_hash is not None and hmac.compare_digest(hash_of(token), token_hash)
