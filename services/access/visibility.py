"""Refuse what belongs to a conversation that the current principal does not see, with the answer to one that does not exist.

The doors call these before anything else: REST in the types of path parameters (`api.dependencies`), MCP in
`mcp_server.backend`.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from services.access.actor import actor
from services.errors import SegmentNotFoundError
from storage.access import visibility
from storage.conversations import conversations
from storage.jobs import jobs
from storage.postgres.database import Database

T = TypeVar("T")


async def check_conversations(database: Database, ids: Collection[int]) -> None:
    """Raises LookupError."""
    await _check(database, visibility.sees_conversations, ids, LookupError(conversations.NOT_FOUND))


async def check_segment(database: Database, segment_id: int) -> None:
    """Raises SegmentNotFoundError."""
    await _check(database, visibility.sees_segment, segment_id, SegmentNotFoundError())


async def check_job(database: Database, job_id: int) -> None:
    """Raises LookupError."""
    await _check(database, visibility.sees_job, job_id, LookupError(jobs.NOT_FOUND))


async def _check(
    database: Database, sees: Callable[[AsyncSession, Principal, T], Awaitable[bool]], asked: T, refusal: LookupError
) -> None:
    """Takes no connection for a principal that sees everything: a session opens one with its first statement."""
    async with database.session() as session:
        if not await sees(session, actor().principal, asked):
            raise refusal
