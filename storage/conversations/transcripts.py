"""Writing the segments and turns of a conversation; reading them is in `storage.conversations.segments`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.emotion.feeling import feeling
from pipeline.types import Segment, Turn
from storage.postgres.conditions import one_of
from storage.tables import Base, Conversation, ParticipantRow, TurnRow

BATCH = 250
"""Rows encoded at a time, a few milliseconds' work: other tasks of the event loop run in between."""

SEGMENTS, TURNS = Base.metadata.tables["segments"], Base.metadata.tables["turns"]  # plain tables: no object for every row


async def lock_conversation(session: AsyncSession, conversation_id: int) -> None:
    """Keep the conversation from being deleted until the end of the transaction. Raises LookupError where it is gone."""
    found = select(Conversation.id).where(Conversation.id == conversation_id).with_for_update()
    if await session.scalar(found) is None:
        raise LookupError(f"Conversation {conversation_id} was deleted while its recording was processed.")


async def delete_transcript(session: AsyncSession, conversation_id: int) -> set[int]:
    """Delete all participants of the conversation with their segments and turns; returns the speakers they were."""
    former = (
        delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id).returning(ParticipantRow.speaker_id)
    )
    return {speaker for speaker in await session.scalars(former) if speaker is not None}


async def insert_segments(
    session: AsyncSession, conversation_id: int, segments: Sequence[Segment], owners: Sequence[tuple[int, float | None]]
) -> None:
    """Store all segments of a conversation, in order.

    Args:
        owners: For each segment its participant, and a confidence of its own where it has one.
    """
    rows = list(enumerate(zip(segments, owners, strict=True)))
    for start in range(0, len(rows), BATCH):
        batch = [
            segment_values(segment)
            | {"conversation_id": conversation_id, "participant_id": owner, "position": position, "confidence": confidence}
            for position, (segment, (owner, confidence)) in rows[start : start + BATCH]
        ]
        await session.execute(insert(SEGMENTS), batch)


async def insert_turns(
    session: AsyncSession, conversation_id: int, turns: Sequence[Turn], participant_of: Mapping[str, int]
) -> None:
    """Store the diarizer's turns; `participant_of` has the participants by their labels."""
    for first in range(0, len(turns), BATCH):
        batch = [
            {
                "conversation_id": conversation_id,
                "participant_id": participant_of[turn.speaker],
                "start": turn.start,
                "end": turn.end,
            }
            for turn in turns[first : first + BATCH]
        ]
        await session.execute(insert(TURNS), batch)


async def replace_turns(
    session: AsyncSession, conversation_id: int, turns: Sequence[Turn], participant_of: Mapping[str, int]
) -> None:
    """Store turns in place of those that the participants have; turns of other labels are left out."""
    await session.execute(delete(TurnRow).where(one_of(TurnRow.participant_id, list(participant_of.values()))))
    await insert_turns(session, conversation_id, [turn for turn in turns if turn.speaker in participant_of], participant_of)


def segment_values(segment: Segment) -> dict[str, Any]:
    """The columns that a segment fills wherever it is stored. PostgreSQL cannot store the character NUL."""
    emotion, voice = segment.emotion, segment.voice
    felt = emotion and feeling(emotion.scores, emotion.model)
    return {
        "start_offset": segment.start,
        "end_offset": segment.end,
        "text": segment.text.replace("\0", ""),
        "words": segment.words,
        "avg_logprob": segment.avg_logprob if segment.words else None,
        "overlap": segment.overlap,
        "channel": segment.channel,
        "language": segment.language,
        "emotion_category": felt and felt.label,
        "emotion_confidence": felt and felt.confidence,
        "activation": felt and felt.activation,
        "valence": felt and felt.valence,
        "emotion_scores": emotion and dict(emotion.scores),
        "emotion_vector": emotion and emotion.vector,
        "emotion_model": emotion and emotion.model,
        "voice_vector": voice and voice.vector,
        "voice_model": voice and voice.model,
    }
