"""What follows when a conversation is complete: a summary is queued, or without a language model a title is written."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.summaries import without_model
from settings import Settings
from storage import summaries
from storage.jobs import jobs
from storage.jobs.jobs import Lease


async def on_processed(session: AsyncSession, settings: Settings, lease: Lease) -> None:
    """For a job on a recording, in the transaction that completes its conversation. Its webhook also reports the summary."""
    url = await jobs.webhook_url(session, lease.id)
    await on_completed(session, settings, lease.conversation_id, lease.options.request_id, url)


async def on_completed(
    session: AsyncSession, settings: Settings, conversation_id: int, request_id: str = "", webhook_url: str | None = None
) -> None:
    """In the transaction that completes the conversation. A summary that a person has requested keeps its template."""
    if settings.llm_url is not None:
        await summaries.enqueue(session, conversation_id, None, request_id, webhook_url)
    else:
        await without_model.write_title(session, conversation_id)
