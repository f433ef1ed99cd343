"""Logins in browsers. The token is in the cookie; only its hash is stored."""

from datetime import timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.access import people
from storage.access.people import Person
from storage.access.tokens import new_token, token_hash
from storage.tables import LoginSession
from storage.tables import Person as PersonRow


async def create(session: AsyncSession, person_id: int, lifetime: timedelta) -> str:
    """Store a new session of the person and return its token."""
    token = new_token()
    values = {"hash": token_hash(token), "person_id": person_id, "expires_at": func.now() + lifetime}
    await session.execute(insert(LoginSession).values(values))
    return token


async def person_of(session: AsyncSession, token: str) -> Person | None:
    """The person as they are now; None where the session has ended or expired, or the person is disabled."""
    mine = (LoginSession.hash == token_hash(token)) & (LoginSession.expires_at > func.now())
    found = select(*people.COLUMNS).join(LoginSession, LoginSession.person_id == PersonRow.id)
    return await people.find(session, found.where(mine, PersonRow.disabled_at.is_(None)))


async def end(session: AsyncSession, token: str) -> None:
    """Delete the session, if there is one."""
    await session.execute(delete(LoginSession).where(LoginSession.hash == token_hash(token)))


async def end_all(session: AsyncSession, person_id: int, *, except_token: str | None = None) -> None:
    """Delete the sessions of a person, all of them or all but one."""
    ended = delete(LoginSession).where(LoginSession.person_id == person_id)
    if except_token is not None:
        ended = ended.where(LoginSession.hash != token_hash(except_token))
    await session.execute(ended)


async def purge_expired(session: AsyncSession) -> None:
    await session.execute(delete(LoginSession).where(LoginSession.expires_at <= func.now()))
