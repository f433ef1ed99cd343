"""Find the principal of a credential. What is found is remembered for some seconds, so that a request rarely costs a query."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from services.access.logins import principal_of
from storage.access import keys, people, tickets
from storage.access.keys import ValidKey
from storage.access.tickets import Holder
from storage.access.tokens import token_hash
from storage.postgres.database import Database

CACHE_S = 5.0
"""A revoked key, a changed role or a disabled owner takes effect within this time, on every replica."""
MAX_CACHED = 10_000
"""Keys in use at a time; beyond that the cache is emptied."""
STREAM = "stream"
"""Purpose of a ticket that opens a WebSocket."""
TICKET_LIFETIME = timedelta(seconds=30)


class InvalidCredentialError(Exception):
    """The credential is not valid; the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Cached:
    key: ValidKey
    until: float
    """On the monotonic clock, in seconds."""


class Authentication:
    """Of API keys and tickets, on the database that all replicas share."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[bytes, _Cached] = {}

    async def by_key(self, key: str) -> Principal:
        """Raises InvalidCredentialError."""
        found = self._cached(token_hash(key)) or (await self._look_up(key) if keys.is_key(key) else None)
        if found is None or (found.expires_at is not None and found.expires_at <= datetime.now(UTC)):
            raise InvalidCredentialError(
                "This API key is not valid: it is mistyped, revoked, expired, or a key of another installation. Ask an "
                "administrator for a new one, which `vivavoce keys create` makes; commands on the application's own machine "
                "find its key under its DATA_PATH."
            )
        return _principal(found)

    async def issue_ticket(self, principal: Principal) -> str:
        """A ticket that lets the principal open one WebSocket within `TICKET_LIFETIME`."""
        person_id = None if principal.key_id else principal.person_id
        async with self._database.session() as session:
            await tickets.purge_expired(session)
            return await tickets.issue(session, STREAM, TICKET_LIFETIME, person_id=person_id, key_id=principal.key_id)

    async def by_ticket(self, ticket: str) -> Principal | None:
        """The principal of a ticket, which is used up by this; None for a client that had no credential.

        Raises InvalidCredentialError.
        """
        async with self._database.session() as session:
            holder = await tickets.redeem(session, ticket, STREAM)
            if holder is not None and holder.key_id is None and holder.person_id is None:
                return None
            found = None if holder is None else await _holder(session, holder)
        if found is None:
            raise InvalidCredentialError(
                f"This ticket is not valid: a ticket opens one connection, within {TICKET_LIFETIME.seconds} s. "
                "Get a new one from POST /api/v1/streaming/ticket."
            )
        return found

    def _cached(self, hash_: bytes) -> ValidKey | None:
        cached = self._cache.get(hash_)
        return cached.key if cached is not None and cached.until > time.monotonic() else None

    async def _look_up(self, key: str) -> ValidKey | None:
        async with self._database.session() as session:
            found = await keys.find(session, key)
            if found is not None:
                await keys.touch(session, found.id)
        if found is None:
            return None
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        self._cache[token_hash(key)] = _Cached(found, time.monotonic() + CACHE_S)
        return found


async def _holder(session: AsyncSession, holder: Holder) -> Principal | None:
    """The principal that the ticket was given to, with their present role; None if they may no longer call."""
    if holder.key_id is not None:
        key = await keys.find_by_id(session, holder.key_id)
        return None if key is None else _principal(key)
    if holder.person_id is not None:
        person = await people.get(session, holder.person_id)
        return None if person.disabled else principal_of(person)
    return None


def _principal(key: ValidKey) -> Principal:
    return Principal(f"key:{key.id}", key.role, key.person_id, key.id)
