"""Segments by which a listener recognises the voices of a conversation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.speakers.speakers import clearest_first
from storage.tables import ParticipantRow, SegmentRow

MAX_SAMPLES = 4
"""For each voice."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Offsets are seconds."""

    segment_id: int
    start_offset: float
    end_offset: float


async def of_conversation(session: AsyncSession, conversation_id: int) -> dict[int, Sequence[Sample]]:
    """The clearest segments of each voice, in the order of the recording, by its speaker, or its negative participant."""
    voice = func.coalesce(ParticipantRow.speaker_id, -ParticipantRow.id)
    ranked = (
        select(
            voice.label("voice"),
            SegmentRow.id,
            SegmentRow.start_offset,
            SegmentRow.end_offset,
            func.row_number().over(partition_by=voice, order_by=clearest_first()).label("rank"),
        )
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .where(SegmentRow.conversation_id == conversation_id, ~SegmentRow.is_misidentified)
        .subquery()
    )
    columns = (ranked.c.voice, ranked.c.id, ranked.c.start_offset, ranked.c.end_offset)
    found: defaultdict[int, list[Sample]] = defaultdict(list)
    for of_voice, *sample in await session.execute(
        select(*columns).where(ranked.c.rank <= MAX_SAMPLES).order_by(ranked.c.start_offset)
    ):
        found[of_voice].append(Sample(*sample))
    return dict(found)
