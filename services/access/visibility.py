"""Refuse what belongs to a conversation that the current principal does not see, with the answer to one that does not exist.

The doors call these before anything else: REST in the types of path parameters (`api.dependencies`), MCP in
`mcp_server.backend`.
"""

from collections.abc import Collection

from services.access.actor import actor
from services.errors import SegmentNotFoundError
from storage.access import visibility
from storage.conversations import conversations
from storage.jobs import jobs
from storage.postgres.database import Database


async def check_conversations(database: Database, ids: Collection[int]) -> None:
    """Raises LookupError. Reads nothing for a principal that sees everything."""
    viewer = actor().principal
    if viewer.sees_everything:
        return
    async with database.session() as session:
        if not await visibility.sees_conversations(session, viewer, ids):
            raise LookupError(conversations.NOT_FOUND)


async def check_segment(database: Database, segment_id: int) -> None:
    """Raises SegmentNotFoundError."""
    viewer = actor().principal
    if viewer.sees_everything:
        return
    async with database.session() as session:
        if not await visibility.sees_segment(session, viewer, segment_id):
            raise SegmentNotFoundError


async def check_job(database: Database, job_id: int) -> None:
    """Raises LookupError."""
    viewer = actor().principal
    if viewer.sees_everything:
        return
    async with database.session() as session:
        if not await visibility.sees_job(session, viewer, job_id):
            raise LookupError(jobs.NOT_FOUND)
