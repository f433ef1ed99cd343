"""Speech and emotions of all speakers in conversations that a viewer sees, and clear samples of a voice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from storage.access.visibility import visible_to
from storage.speakers import speakers
from storage.tables import Conversation, ParticipantRow, SegmentRow, VoiceprintRow, VoiceRow


@dataclass(slots=True)
class SpeakerOverview:
    """`seconds` of speech in `conversations` conversations."""

    speaker_id: int
    seconds: float = 0.0
    conversations: int = 0
    last_heard: datetime | None = None
    """Start of the latest conversation with this speaker."""
    samples: int = 0
    """Enrolled samples of the voice."""
    emotions: dict[str, float] = field(default_factory=dict)
    """Seconds by emotion."""


@dataclass(frozen=True, slots=True)
class SpeechSample:
    """A segment of a speaker. Offsets are seconds."""

    segment_id: int
    conversation_id: int
    title: str | None
    start_offset: float
    end_offset: float
    text: str


async def of_all(session: AsyncSession, viewer: Principal) -> list[SpeakerOverview]:
    """Those of all speakers that have a segment which the viewer sees, or an enrolled sample."""
    seconds = func.sum(SegmentRow.end_offset - SegmentRow.start_offset)
    of_segments = (
        select(VoiceRow.speaker_id, ParticipantRow.conversation_id, SegmentRow.emotion_category, seconds.label("seconds"))
        .join(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
        .join(SegmentRow, SegmentRow.participant_id == ParticipantRow.id)
        .group_by(VoiceRow.speaker_id, ParticipantRow.conversation_id, SegmentRow.emotion_category)
        .subquery()
    )
    rows = (
        select(
            of_segments.c.speaker_id,
            Conversation.id,
            Conversation.start_time,
            of_segments.c.emotion_category,
            of_segments.c.seconds,
        )
        .join(Conversation, Conversation.id == of_segments.c.conversation_id)
        .where(*visible_to(viewer))
    )
    found: dict[int, SpeakerOverview] = {}
    heard: dict[int, set[int]] = {}
    for speaker_id, conversation_id, start_time, emotion, spoken in await session.execute(rows):
        own = found.setdefault(speaker_id, SpeakerOverview(speaker_id))
        heard.setdefault(speaker_id, set()).add(conversation_id)
        own.seconds += spoken
        own.last_heard = max(own.last_heard or start_time, start_time)
        if emotion is not None:
            own.emotions[emotion] = own.emotions.get(emotion, 0.0) + spoken
    for speaker_id, number in await session.execute(
        select(VoiceprintRow.speaker_id, func.count()).group_by(VoiceprintRow.speaker_id)
    ):
        found.setdefault(speaker_id, SpeakerOverview(speaker_id)).samples = number
    for speaker_id, own in found.items():
        own.conversations = len(heard.get(speaker_id, ()))
    return sorted(found.values(), key=lambda own: own.speaker_id)


async def samples(session: AsyncSession, viewer: Principal, speaker_id: int, limit: int) -> Sequence[SpeechSample]:
    """Clear segments of a speaker, first one of each conversation, so that they come from different recordings.

    Raises SpeakerNotFoundError.
    """
    await speakers.name_of(session, speaker_id)
    order = speakers.clearest_first()
    turn = func.row_number().over(partition_by=SegmentRow.conversation_id, order_by=order).label("turn")
    columns: list[Any] = [SegmentRow.id, SegmentRow.conversation_id, Conversation.title]
    columns += [SegmentRow.start_offset, SegmentRow.end_offset, SegmentRow.text]
    clear = speakers.playable(viewer, speaker_id, *columns, turn).order_by(turn, *order).limit(limit)
    return [SpeechSample(*row[:-1]) for row in await session.execute(clear)]
