"""Speaking time, segments and emotions of the speakers of a conversation, or of a speaker in all conversations."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from storage.access.visibility import in_visible
from storage.conversations.segments import local_name
from storage.speakers import speakers
from storage.speakers.speaker_queries import conversations_with
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker, VoiceRow, spoken_by


@dataclass(slots=True)
class SpeakerStatistics:
    """The speaking time and emotions of a speaker in one conversation, or in all."""

    speaker_id: int | None
    speaker_name: str
    segments: int = 0
    seconds: float = 0.0
    emotions: Counter[str] = field(default_factory=Counter)
    """The number of segments by emotion; segments without one are left out."""
    participants: list[int] = field(default_factory=list)
    """In this conversation."""

    def add(self, emotion: str | None, segments: int, seconds: float) -> None:
        self.segments += segments
        self.seconds += seconds
        if emotion is not None:
            self.emotions[emotion] += segments


@dataclass(frozen=True, slots=True)
class SpeakerHistory:
    """The statistics of a speaker in all conversations, and their first and last conversation."""

    total: SpeakerStatistics
    conversations: int
    first_heard: datetime | None
    """Start of the first conversation with this speaker."""
    last_heard: datetime | None
    """Start of the last one."""


async def of_conversation(session: AsyncSession, conversation_id: int) -> list[SpeakerStatistics]:
    """The speakers with segments in a conversation, those who speak most first.

    In one statement: voices may be added or replaced at any moment.
    """
    counted = _counted(SegmentRow.participant_id).where(SegmentRow.conversation_id == conversation_id).subquery()
    people = (
        select(
            *(ParticipantRow.id, ParticipantRow.speaker_id, Speaker.name),
            *(counted.c.emotion_category, counted.c.segments, counted.c.seconds),
        )
        .select_from(ParticipantRow)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .outerjoin(counted, counted.c.participant_id == ParticipantRow.id)
        .where(ParticipantRow.conversation_id == conversation_id)
        .order_by(ParticipantRow.id)
    )
    by_speaker: dict[int, SpeakerStatistics] = {}
    by_participant: dict[int, SpeakerStatistics] = {}
    for participant, speaker, name, emotion, segments, seconds in await session.execute(people):
        if participant not in by_participant:
            named = name or local_name(len(by_participant))
            own = by_speaker.setdefault(speaker or -participant, SpeakerStatistics(speaker, named))
            own.participants.append(participant)
            by_participant[participant] = own
        if segments is not None:
            by_participant[participant].add(emotion, segments, seconds)
    speaking = (found for found in by_speaker.values() if found.segments)
    return sorted(speaking, key=lambda found: found.seconds, reverse=True)


async def of_speaker(session: AsyncSession, viewer: Principal, speaker_id: int) -> SpeakerHistory:
    """The statistics of a speaker in all conversations that the viewer sees. Raises SpeakerNotFoundError."""
    total = SpeakerStatistics(speaker_id, await speakers.name_of(session, speaker_id))
    own = SegmentRow.participant_id.in_(select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id == speaker_id)))
    for emotion, segments, seconds in await session.execute(
        _counted().where(own, *in_visible(viewer, SegmentRow.conversation_id))
    ):
        total.add(emotion, segments, seconds)
    times = func.count(), func.min(Conversation.start_time), func.max(Conversation.start_time)
    found = select(*times).where(Conversation.id.in_(conversations_with(viewer, speaker_id)))
    return SpeakerHistory(total, *(await session.execute(found)).one())


def _counted(*keys: Any) -> Select[Any]:
    """The number of segments and their seconds, by `keys` and emotion."""
    seconds = func.sum(SegmentRow.end_offset - SegmentRow.start_offset)
    sums = func.count().label("segments"), seconds.label("seconds")
    return select(*keys, SegmentRow.emotion_category, *sums).group_by(*keys, SegmentRow.emotion_category)
