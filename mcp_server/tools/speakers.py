"""Tools that list, identify, rename, merge and delete speakers."""

from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from pipeline.names import MaybeName, Name
from services.access.actor import actor
from services.errors import SegmentNotFoundError
from storage.conversations import conversations, segments, statistics
from storage.speakers import speaker_queries

NAMED = 100
"""Names of deleted speakers in the result."""


async def identify_speaker_in_segment(
    ctx: Work,
    segment_id: arg.SegmentId,
    speaker_name: Annotated[Name, Field(description="Who it is. A name that nobody has yet makes a new speaker.")],
    conversation_id: arg.MaybeConversationId = None,
    auto_enroll: Annotated[bool, Field(description="Recognise this person by this voice from now on.")] = True,
) -> results.Identified:
    """Identify the speaker of a segment ("that's Nick"). An Unknown_NN gets this name in all conversations, past and future; a
    wrong speaker is corrected in this segment only."""
    with work(ctx) as backend:
        async with backend.database.session() as session:
            where = conversation_id or await segments.conversation_of(session, segment_id)
        if where is None:
            raise SegmentNotFoundError
        found = await backend.speakers.identify(where, segment_id, speaker_name=speaker_name, enroll=auto_enroll)
    first = " (initial enrollment)" if found.created else ""
    message = f"Speaker identified as {found.speaker_name}{first}. Updated {found.segments_updated} segment(s) total."
    return results.Identified(
        speaker_name=found.speaker_name,
        enrolled=found.enrolled,
        segments_updated=found.segments_updated,
        message=message,
        details=results.IdentifiedDetails(
            message=message,
            speaker_id=found.speaker_id,
            enrolled=found.enrolled,
            segments_updated=found.segments_updated,
            conversation_id=where,
            segment_id=segment_id,
        ),
    )


async def list_speakers(
    ctx: Work,
    query: Annotated[MaybeName, Field(description="Only names that hold this.")] = "",
    skip: arg.Skip = 0,
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
) -> results.Speakers:
    """List speakers with their ids: those with names, then the unnamed, Unknown_NN."""
    with work(ctx) as backend:
        page, total = await backend.speakers.page(query, skip, limit)
    return results.Speakers(speakers=[results.Speaker.model_validate(entry) for entry in page], total=total, skip=skip)


async def rename_speaker(ctx: Work, speaker_id: arg.SpeakerId, new_name: Name) -> results.CountedSpeaker:
    """Change a speaker's name in all conversations."""
    with work(ctx) as backend:
        return results.CountedSpeaker.model_validate(await backend.speakers.rename(speaker_id, new_name))


async def merge_speakers(ctx: Work, speaker_id: arg.SpeakerId, into_speaker_id: arg.SpeakerId) -> results.CountedSpeaker:
    """Make two speakers one person: segments and voices of the first become the second's, whose name stays."""
    with work(ctx) as backend:
        return results.CountedSpeaker.model_validate(await backend.speakers.merge(speaker_id, into_speaker_id))


async def delete_speaker(ctx: Work, speaker_id: arg.SpeakerId) -> results.Message:
    """Delete a speaker: the voice is recognised no more. The segments stay, under an unknown name."""
    with work(ctx) as backend:
        name = await backend.speakers.delete(speaker_id)
    return results.Message(message=f"Speaker '{name}' deleted successfully")


async def delete_all_unknown_speakers(ctx: Work) -> results.DeletedUnknown:
    """Delete all speakers called Unknown_NN. Their segments stay. Ask the user first."""
    with work(ctx) as backend:
        names = await backend.speakers.delete_unknown()
    message = f"Deleted {len(names)} unknown speakers"
    return results.DeletedUnknown(deleted_count=len(names), deleted_speakers=names[:NAMED], message=message)


async def undo_last_speaker_change(ctx: Work) -> results.Undone:
    """Undo the last identification, renaming, merge or deletion of speakers, by any client."""
    with work(ctx) as backend:
        change = await backend.speakers.undo()
    return results.Undone(message="Taken back.", undone=change.description)


async def speaker_statistics(
    ctx: Work,
    speaker_name: MaybeName = "",
    conversation_id: arg.MaybeConversationId = None,
) -> results.Statistics:
    """Count speech and emotions of a speaker, in all conversations or in one, or of all speakers of one."""
    if not speaker_name and conversation_id is None:
        raise ToolError("Say whose statistics: give speaker_name, conversation_id, or both.")
    with work(ctx) as backend:
        async with backend.database.session() as session:
            who, name = await speaker_queries.resolve(session, speaker_name) if speaker_name else (None, "")
            if conversation_id is None:
                assert who is not None
                history = await statistics.of_speaker(session, actor().principal, who)
                return results.Statistics(
                    conversations=history.conversations,
                    first_heard=history.first_heard,
                    last_heard=history.last_heard,
                    speakers=[results.SpeakerStatistics.model_validate(history.total)],
                )
            if await conversations.progress(session, conversation_id) is None:
                raise LookupError(conversations.NOT_FOUND)
            counted = await statistics.of_conversation(session, conversation_id)
    total_s = sum(found.seconds for found in counted)
    shares = [
        results.SpeakerStatistics.model_validate(found).model_copy(
            update={"share": round(found.seconds / total_s, 3) if total_s else None}
        )
        for found in counted
        if who is None or found.speaker_id == who
    ]
    if who is not None and not shares:
        raise ToolError(f"{name} says nothing in conversation {conversation_id}. Leave speaker_name out to see who does.")
    return results.Statistics(conversation_id=conversation_id, conversations=1, speakers=shares)
