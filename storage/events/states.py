"""The present state of what changed, and who may see it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.access import visibility
from storage.conversations import conversations
from storage.conversations.conversations import Progress
from storage.jobs import lists
from storage.jobs.jobs import Job
from storage.postgres.conditions import one_of
from storage.tables import Conversation


@dataclass(frozen=True, slots=True)
class States:
    conversations: dict[int, Progress]
    """By id; those that exist."""
    jobs: list[Job]
    seen: set[tuple[int | None, int]]
    """Pairs of a person and a conversation of these or of these jobs."""


async def read(
    session: AsyncSession, conversation_ids: Collection[int], job_ids: Collection[int], people: Collection[int | None]
) -> States:
    """Also of the running jobs on the conversations: their progress is that of the conversation."""
    found_jobs = await lists.of_conversations(session, list(job_ids), list(conversation_ids))
    found = select(*conversations.PROGRESS).where(one_of(Conversation.id, list(conversation_ids)))
    states = {row.id: Progress(*row) for row in await session.execute(found)}
    seen = await visibility.seen_by_people(session, {*states, *(job.conversation_id for job in found_jobs)}, people)
    return States(states, found_jobs, seen)
