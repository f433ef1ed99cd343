"""How much somebody speaks, and how it sounds."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations.segments import local_name
from storage.speakers import speakers
from storage.speakers.speaker_queries import conversations_with
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker

LENGTH = SegmentRow.end_offset - SegmentRow.start_offset


@dataclass(slots=True)
class Voice:
    """What a speaker says in one conversation, or in all."""

    speaker_id: int | None
    speaker_name: str
    segments: int = 0
    seconds: float = 0.0
    emotions: Counter[str] = field(default_factory=Counter)
    """Lines by their emotion; those without one are left out."""

    def add(self, emotion: str | None, segments: int, seconds: float) -> None:
        self.segments += segments
        self.seconds += seconds
        if emotion is not None:
            self.emotions[emotion] += segments


@dataclass(frozen=True, slots=True)
class Presence:
    voice: Voice
    conversations: int
    first_heard: datetime | None
    """When the first conversation with them began."""
    last_heard: datetime | None
    """When the last one began."""


async def of_conversation(session: AsyncSession, conversation_id: int) -> list[Voice]:
    """Everybody who says something in a conversation; who speaks most comes first."""
    people = (
        select(ParticipantRow.id, ParticipantRow.speaker_id, Speaker.name)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .where(ParticipantRow.conversation_id == conversation_id)
        .order_by(ParticipantRow.id)
    )
    voices: dict[int, Voice] = {}
    of_participant: dict[int, Voice] = {}
    for index, (participant, speaker, name) in enumerate(await session.execute(people)):
        voice = voices.setdefault(speaker or -participant, Voice(speaker, name or local_name(index)))
        of_participant[participant] = voice
    counted = _counted(SegmentRow.participant_id).where(SegmentRow.conversation_id == conversation_id)
    for participant, emotion, segments, seconds in await session.execute(counted):
        of_participant[participant].add(emotion, segments, seconds)
    heard = (voice for voice in voices.values() if voice.segments)
    return sorted(heard, key=lambda voice: voice.seconds, reverse=True)


async def of_speaker(session: AsyncSession, speaker_id: int) -> Presence:
    """What a speaker says in all conversations. Raises SpeakerNotFoundError."""
    voice = Voice(speaker_id, await speakers.name_of(session, speaker_id))
    mine = SegmentRow.participant_id.in_(select(ParticipantRow.id).where(ParticipantRow.speaker_id == speaker_id))
    for emotion, segments, seconds in await session.execute(_counted().where(mine)):
        voice.add(emotion, segments, seconds)
    times = func.count(), func.min(Conversation.start_time), func.max(Conversation.start_time)
    talks = select(*times).where(Conversation.id.in_(conversations_with(speaker_id)))
    return Presence(voice, *(await session.execute(talks)).one())


def _counted(*keys: Any) -> Select[Any]:
    sums = func.count(), func.sum(LENGTH)
    return select(*keys, SegmentRow.emotion_category, *sums).group_by(*keys, SegmentRow.emotion_category)
