"""The limit of login attempts, for each account and for each address."""

import hashlib
import ipaddress
import math

from services.access.actor import actor
from services.errors import LimitExceededError
from storage.access import login_attempts
from storage.postgres.database import Database

ATTEMPTS_PER_ACCOUNT = 10
"""In 15 minutes: a thousand a day. A password of 15 characters withstands them for longer than an attack lasts."""
ATTEMPTS_PER_ADDRESS = 50
"""In 15 minutes: the people of an office may share an address."""


class TooManyAttemptsError(LimitExceededError):
    """The limit is reached."""

    def __init__(self, retry_after_s: int) -> None:
        message = f"There were too many attempts to log in. Try again in {math.ceil(retry_after_s / 60)} minutes."
        super().__init__(message, retry_after_s)


class LoginLimit:
    """Counts before the password is checked, in a transaction of its own: attempts at the same time count, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, account: str | None = None) -> None:
        """Count an attempt of the address from which the request came. Raises TooManyAttemptsError."""
        limits = [(of_address(actor().address), ATTEMPTS_PER_ADDRESS)]
        if account is not None:
            limits.append((of_account(account), ATTEMPTS_PER_ACCOUNT))
        for origin, limit in limits:
            async with self._database.session() as session:
                wait_s = await login_attempts.count(session, origin, limit)
            if wait_s is not None:
                raise TooManyAttemptsError(math.ceil(wait_s))


def of_account(name: str) -> str:
    """The key of an account; its hash, as people sometimes enter their password as the name."""
    return f"account:{hashlib.sha256(name.encode(errors='replace')).hexdigest()}"


def of_address(address: str | None) -> str:
    """The key of an address. An IPv6 client has a network of 64 bits to choose addresses from."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return f"address:{address}"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return f"address:{ipaddress.ip_network((int(found), 64), strict=False)}"
    return f"address:{found}"
