"""Load a conversation in the form that `pipeline.formats.export` renders."""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats import export
from storage.conversations import segments
from storage.conversations.conversations import ConversationDetail


async def export_input(session: AsyncSession, conversation: ConversationDetail) -> export.ExportInput:
    """The conversation's segments and turns, under the present names of the speakers."""
    turns = await segments.turns_of_conversation(session, conversation.id)
    return export.ExportInput(f"conversation_{conversation.id}", conversation.segments, turns)
