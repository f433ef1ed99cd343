"""Tools that erase conversations and speakers for good."""

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work


async def erase_conversation(ctx: Work, conversation_id: arg.ConversationId) -> results.Erased:
    """Erase a conversation and its recording everywhere and for good, also from profiles and the undo history: ask the user
    first."""
    with work(ctx) as backend:
        erased = await backend.erasure.erase_conversation(conversation_id)
    return results.Erased(message=f"Conversation {conversation_id} erased", pending=erased.pending)


async def erase_speaker(ctx: Work, speaker_id: arg.SpeakerId) -> results.ErasedSpeaker:
    """Erase the names and voice vectors of a speaker everywhere, for good. The texts stay. Ask the user first."""
    with work(ctx) as backend:
        erased = await backend.erasure.erase_speaker(speaker_id)
    ids = list(erased.conversations)
    return results.ErasedSpeaker(message=f"Speaker {speaker_id} erased", pending=erased.pending, conversation_ids=ids)
