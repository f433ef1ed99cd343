"""Tickets: secrets that are valid once and for a short time."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.access.tokens import new_token, token_hash
from storage.tables import Ticket


@dataclass(frozen=True, slots=True)
class Holder:
    """The person or key that a ticket was given to; neither field is set for someone who has not logged in."""

    person_id: int | None
    key_id: int | None


async def issue(
    session: AsyncSession, purpose: str, lifetime: timedelta, *, person_id: int | None = None, key_id: int | None = None
) -> str:
    """Store a new ticket for `purpose` and return it."""
    ticket = new_token()
    values = {"hash": token_hash(ticket), "purpose": purpose, "person_id": person_id, "key_id": key_id}
    await session.execute(insert(Ticket).values(values | {"expires_at": func.now() + lifetime}))
    return ticket


async def redeem(session: AsyncSession, ticket: str, purpose: str) -> Holder | None:
    """Delete the ticket and return its holder; None where there is none for `purpose`, or where it has expired."""
    found = delete(Ticket).where(Ticket.hash == token_hash(ticket), Ticket.purpose == purpose)
    row = (
        await session.execute(found.returning(Ticket.person_id, Ticket.key_id, Ticket.expires_at > func.now()))
    ).one_or_none()
    return Holder(row[0], row[1]) if row is not None and row[2] else None


async def withdraw(session: AsyncSession, purpose: str) -> None:
    """Delete all tickets for `purpose`."""
    await session.execute(delete(Ticket).where(Ticket.purpose == purpose))


async def purge_expired(session: AsyncSession) -> None:
    await session.execute(delete(Ticket).where(Ticket.expires_at <= func.now()))
