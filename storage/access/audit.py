"""The audit log: who did what. Entries are added in the transaction of the change that they record, and never changed.

They hold ids, no texts and no names. `services.access.audit` adds entries for the principal of the current request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import AuditEntry

MAX_FIELD_CHARS = 200
"""Of each field: the address and the request id come from clients."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is UTC; `object` is a kind and an id, such as `speaker:12`."""

    id: int
    at: datetime
    principal: str
    action: str
    object: str | None
    request_id: str | None
    address: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What entries must have; None lets all pass."""

    since: datetime | None = None
    until: datetime | None = None
    principal: str | None = None
    action: str | None = None
    """An action, such as `speaker.rename`, or the kind before the dot: `speaker`."""
    object: str | None = None
    outcome: str | None = None


async def add(
    session: AsyncSession,
    principal: str,
    action: str,
    target: str | None = None,
    *,
    outcome: str = "ok",
    request_id: str | None = None,
    address: str | None = None,
) -> None:
    """Add an entry about the object `target`; it is stored if the transaction is."""
    values = {
        "principal": principal,
        "action": action,
        "object": _bounded(target),
        "outcome": outcome,
        "request_id": _bounded(request_id),
        "address": _bounded(address),
    }
    await session.execute(insert(AuditEntry).values(values))


async def page(session: AsyncSession, filters: Filters, skip: int, limit: int) -> tuple[Sequence[Entry], int]:
    """A page of the entries, the newest first, and their number."""
    found = select(*(getattr(AuditEntry, name) for name in Entry.__slots__))
    for name in ("principal", "object", "outcome"):
        if (value := getattr(filters, name)) is not None:
            found = found.where(getattr(AuditEntry, name) == value)
    if filters.action is not None:
        of_kind = AuditEntry.action.startswith(f"{filters.action}.", autoescape=True)
        found = found.where((AuditEntry.action == filters.action) | of_kind)
    if filters.since is not None:
        found = found.where(AuditEntry.at >= filters.since)
    if filters.until is not None:
        found = found.where(AuditEntry.at < filters.until)
    total = select(func.count()).select_from(found.subquery())
    rows = await session.execute(found.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).offset(skip).limit(limit))
    return [Entry(*row) for row in rows], (await session.execute(total)).scalar_one()


def _bounded(value: str | None) -> str | None:
    return None if value is None else value.replace("\0", "")[:MAX_FIELD_CHARS]
