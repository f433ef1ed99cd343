"""Record in the audit log what the principal of the current request does.

A service calls `record` in the transaction of the change, so that there is no change without an entry and no entry without a
change. What changes nothing - a refusal, a failure, a login - has a transaction of its own: `record_alone`.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from services.access.actor import actor
from storage.access import audit
from storage.postgres.database import Database

OK, DENIED, FAILED = "ok", "denied", "failed"
"""Outcomes."""


async def record(session: AsyncSession, action: str, target: str | None = None, outcome: str = OK) -> None:
    """Add an entry for the current principal.

    Args:
        session: The transaction of the change.
        action: A kind and a verb, such as `speaker.rename`.
        target: A kind and an id, such as `speaker:12`; no text and no name.
        outcome: `OK`, `DENIED` or `FAILED`.
    """
    who = actor()
    await audit.add(
        session, who.principal.name, action, target, outcome=outcome, request_id=who.request_id, address=who.address
    )


async def record_alone(database: Database, action: str, target: str | None = None, outcome: str = OK) -> None:
    """The same in a transaction of its own."""
    async with database.session() as session:
        await record(session, action, target, outcome)
