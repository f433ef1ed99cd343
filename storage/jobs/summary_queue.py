"""At most one summary of a conversation is queued: the index `ix_jobs_summary_queued` allows no second one."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Conversation, JobRow

SUPERSEDED = "A newer summary of the conversation is queued."


async def queued(session: AsyncSession, conversation_id: int) -> int | None:
    """The job that is queued to summarise the conversation."""
    summary = JobRow.kind == "summary", JobRow.state == "queued"
    return await session.scalar(select(JobRow.id).where(JobRow.conversation_id == conversation_id, *summary))


async def is_superseded(session: AsyncSession, kind: str, conversation_id: int) -> bool:
    """Whether another summary of the conversation is queued; none is queued before this transaction ends.

    Call it before the job's row is locked: requests for summaries lock the conversation first.
    """
    if kind != "summary":
        return False
    await session.execute(select(Conversation.id).where(Conversation.id == conversation_id).with_for_update(key_share=True))
    return await queued(session, conversation_id) is not None
