"""Identify the speaker of a segment, correct it, and mark it as misidentified."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, Field

from api import schemas, security
from api.dependencies import LARGEST_ID, LARGEST_SEGMENT_ID, ContextDep, ConversationId
from pipeline.names import MaybeName
from services.context import AppContext
from services.errors import SegmentNotFoundError
from services.identity.identification import IdentificationError
from storage.speakers.speakers import SpeakerNotFoundError

router = APIRouter(
    prefix="/conversations/{conversation_id}/segments/{segment_id}", tags=["speakers"], dependencies=[security.WRITER]
)

SegmentId = Annotated[int, Path(ge=1, le=LARGEST_SEGMENT_ID)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]

MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "Neither a speaker nor a name was given, or a new speaker without enrolling."},
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation, or no such speaker."},
}


class Identify(BaseModel):
    """The speaker: an existing one by id, or a name. A name that no speaker has creates a new speaker."""

    speaker_id: Id | None = Field(None, examples=[None])
    speaker_name: MaybeName | None = None
    enroll: bool = Field(True, description="Recognise this speaker by this voice from now on.")


class Identified(schemas.Schema):
    message: str = Field(examples=["Speaker identified as Alice (initial enrollment). Updated 12 segment(s) total."])
    speaker_id: int
    speaker_name: str
    enrolled: bool = Field(description="The voice is one that the speaker is recognised by.")
    segments_updated: int = Field(description="Lines that have another speaker, or another name, now; in all conversations.")


class Misidentified(BaseModel):
    is_misidentified: bool


class Marked(schemas.Schema):
    message: str = Field(examples=["Segment 7 marked as misidentified"])
    is_misidentified: bool
    embedding_recalculated: bool = Field(description="What the speaker is recognised by has changed.")


def _chosen(
    body: Identify | None = None,
    speaker_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Here or in a JSON body.")] = None,
    speaker_name: Annotated[MaybeName | None, Query(description="Here or in a JSON body.")] = None,
    enroll: Annotated[bool, Query(description="Here or in a JSON body.")] = True,
) -> Identify:
    if body is None:
        return Identify(speaker_id=speaker_id, speaker_name=speaker_name, enroll=enroll)
    return Identify(
        speaker_id=body.speaker_id or speaker_id,
        speaker_name=body.speaker_name or speaker_name,
        enroll=body.enroll and enroll,
    )


@router.post("/identify", responses=REFUSED)
async def identify(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, who: Annotated[Identify, Depends(_chosen)]
) -> Identified:
    """Identify the speaker of a segment.

    An unnamed speaker gets the name everywhere: in all past and future conversations. If the segment was assigned to a speaker
    with a given name, only this segment moves. `POST /speakers/undo` undoes it.
    """
    return await _identify(context, conversation_id, segment_id, who, only_this=False)


@router.post("/reassign", responses=REFUSED)
async def reassign(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, who: Annotated[Identify, Depends(_chosen)]
) -> Identified:
    """Identify the speaker of this segment only. All other segments stay as they are, even those of an unnamed speaker."""
    return await _identify(context, conversation_id, segment_id, who, only_this=True)


@router.patch("/misidentified", responses=MISSING)
async def mark_misidentified(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, body: Misidentified
) -> Marked:
    """Mark this segment as misidentified, so that its speaker is no longer recognised by it; or remove the mark."""
    try:
        mark = await context.speakers.mark_misidentified(conversation_id, segment_id, body.is_misidentified)
    except SegmentNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    return Marked(
        message=f"Segment {segment_id} {'marked' if mark.is_misidentified else 'unmarked'} as misidentified",
        is_misidentified=mark.is_misidentified,
        embedding_recalculated=mark.embedding_recalculated,
    )


async def _identify(
    context: AppContext, conversation_id: int, segment_id: int, who: Identify, *, only_this: bool
) -> Identified:
    try:
        found = await context.speakers.identify(
            conversation_id,
            segment_id,
            speaker_id=who.speaker_id,
            speaker_name=who.speaker_name,
            enroll=who.enroll,
            only_this=only_this,
        )
    except (SegmentNotFoundError, SpeakerNotFoundError) as error:
        raise HTTPException(404, str(error)) from error
    except IdentificationError as error:
        raise HTTPException(400, str(error)) from error
    first = " (initial enrollment)" if found.created else ""
    return Identified(
        message=f"Speaker identified as {found.speaker_name}{first}. Updated {found.segments_updated} segment(s) total.",
        speaker_id=found.speaker_id,
        speaker_name=found.speaker_name,
        enrolled=found.enrolled,
        segments_updated=found.segments_updated,
    )
