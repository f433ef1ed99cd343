"""Erase conversations and speakers for good."""

from fastapi import APIRouter, HTTPException
from pydantic import Field

from api import schemas, security
from api.dependencies import ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from api.routes.speakers.speakers import MISSING as NO_SPEAKER
from api.routes.speakers.speakers import SpeakerId
from storage.speakers.speakers import SpeakerNotFoundError

router = APIRouter(tags=["erasure"], dependencies=[security.ADMIN])


class Erased(schemas.Schema):
    message: str
    pending: list[str] = Field(description="What could not be removed yet, and is tried again; normally empty.")
    deleted_backups: list[str] = Field(
        description="Profiles and checkpoints that were deleted because this version cannot read them."
    )


class ErasedSpeaker(Erased):
    conversation_ids: list[int] = Field(
        description="Where the person speaks. Texts and recordings stay; erase the conversations to remove them."
    )


@router.post("/conversations/{conversation_id}/erase", responses=MISSING)
async def erase_conversation(context: ContextDep, conversation_id: ConversationId) -> Erased:
    """Erase a conversation, its recording and everything computed from it, also while it is being processed or recorded.

    Nothing of it remains in profiles, checkpoints and the undo history, nor in the files of the database. Takes seconds for
    each 100,000 segments in the database, in which other requests wait. It cannot be undone.
    """
    try:
        erased = await context.erasure.erase_conversation(conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    return Erased(
        message=f"Conversation {conversation_id} erased", pending=erased.pending, deleted_backups=erased.deleted_backups
    )


@router.post("/speakers/{speaker_id}/erase", responses=NO_SPEAKER)
async def erase_speaker(context: ContextDep, speaker_id: SpeakerId) -> ErasedSpeaker:
    """Erase a speaker's names and vectors everywhere, also those of a speaker that was deleted before.

    The texts stay, spoken by somebody without a name, whom no stored vector can identify. Nothing of the person remains in
    profiles, checkpoints and the undo history, nor in the files of the database. Takes seconds for each 100,000 segments in
    the database, in which other requests wait. It cannot be undone.
    """
    try:
        erased = await context.erasure.erase_speaker(speaker_id)
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    return ErasedSpeaker(
        message=f"Speaker {speaker_id} erased",
        pending=erased.pending,
        deleted_backups=erased.deleted_backups,
        conversation_ids=list(erased.conversations),
    )
