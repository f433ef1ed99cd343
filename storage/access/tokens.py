"""Random secrets that clients hold, of which only a hash is stored."""

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token() -> str:
    """256 random bits, in URL-safe base64."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """SHA-256: enough for 256 random bits, which cannot be guessed. `token` may be any text of a client."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
