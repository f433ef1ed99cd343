"""How many jobs this process has queued, claimed and ended since it started. A change counts when its transaction commits."""

from collections import Counter
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

T = TypeVar("T")

ENTERED: Counter[str] = Counter()
"""How often a job entered each state: `queued` once when it is accepted, and the three states in which jobs end."""
CLAIMED: Counter[int] = Counter()
"""How many claims there were, by the number of the attempt. Those after the first follow a failure or the death of a worker."""


def entered(session: AsyncSession, state: str) -> None:
    """Count a job that enters `state` in this transaction."""
    _at_commit(session, ENTERED, state)


def claimed(session: AsyncSession, attempt: int) -> None:
    """Count a job that is claimed in this transaction."""
    _at_commit(session, CLAIMED, attempt)


def _at_commit(session: AsyncSession, counter: Counter[T], key: T) -> None:
    def count(_: Session) -> None:
        counter[key] += 1

    event.listen(session.sync_session, "after_commit", count, once=True)
