"""The lines of a transcript, as they are read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Subquery, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import probability
from pipeline.types import Turn
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker, TurnRow

BATCH = 500


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """A line with the name of who says it. Offsets are seconds from the start of the recording, times UTC."""

    id: int
    conversation_id: int
    participant_id: int
    speaker_id: int | None
    speaker_name: str
    text: str
    start_time: datetime
    end_time: datetime
    start_offset: float
    end_offset: float
    confidence: float | None
    """Cosine similarity to the speaker; None for a voice that was new, 1.0 where a person said who it is."""
    speaker_probability: float | None
    """How likely that similarity makes it that it is the speaker; None where there is none, or the model was not calibrated."""
    words: list[dict[str, Any]] | None
    """`word` (with its leading space), `start`, `end`, `probability`."""
    avg_logprob: float | None
    overlap: bool
    is_misidentified: bool
    emotion_category: str | None
    emotion_confidence: float | None
    emotion_scores: dict[str, float] | None
    emotion_corrected: bool
    emotion_corrected_at: datetime | None
    emotion_misidentified: bool
    detector_breakdown: dict[str, Any] | None


def local_name(index: int) -> str:
    """What to call the conversation's participant number `index` (from 0) who is no known speaker: `Unknown_A`, `Unknown_B`, …

    Letters, because `Unknown_01` is a speaker whom other conversations may know; these are known nowhere else.
    """
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"Unknown_{letters}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which recording a line is heard, in seconds."""

    audio_key: str
    start: float
    end: float


async def place(session: AsyncSession, segment_id: int) -> Place | None:
    """Where to hear a line; None where there is no such line, or no recording of it."""
    columns = (Conversation.audio_key, SegmentRow.start_offset, SegmentRow.end_offset)
    found = select(*columns).join(Conversation, SegmentRow.conversation_id == Conversation.id)
    row = (await session.execute(found.where(SegmentRow.id == segment_id))).one_or_none()
    return None if row is None or row[0] is None else Place(row[0], row[1], row[2])


async def turns_of_conversation(session: AsyncSession, conversation_id: int) -> list[Turn]:
    """The diarizer's turns, overlaps included, under the speakers' present names."""
    voices = _voices(conversation_id)
    found = select(TurnRow.start, TurnRow.end, voices.c.name, voices.c.place).join(
        voices, voices.c.id == TurnRow.participant_id
    )
    rows = await session.execute(found.where(TurnRow.conversation_id == conversation_id).order_by(TurnRow.start))
    return [Turn(start, end, name or local_name(place)) for start, end, name, place in rows]


def _voices(conversation_id: int) -> Subquery:
    """The participants with their speakers' names. To be read with what they say: in a query of its own, somebody else's change
    would come between the two."""
    place = func.row_number().over(order_by=ParticipantRow.id) - 1
    columns = (ParticipantRow.id, ParticipantRow.speaker_id, Speaker.name, ParticipantRow.confidence, ParticipantRow.model)
    people = select(*columns, place.label("place")).outerjoin(Speaker)
    return people.where(ParticipantRow.conversation_id == conversation_id).subquery()


async def of_conversation(session: AsyncSession, conversation_id: int, start_time: datetime) -> tuple[SegmentLine, ...]:
    """All lines of a conversation that began at `start_time`, in order; one query, and no vectors."""
    voices, columns = _voices(conversation_id), SegmentRow.__table__.columns
    stored = [columns[name] for name in SegmentLine.__dataclass_fields__ if name in columns and name != "confidence"]
    confidence = func.coalesce(SegmentRow.confidence, voices.c.confidence).label("confidence")
    found = (
        select(*stored, confidence, voices.c.speaker_id, voices.c.name, voices.c.model, voices.c.place)
        .join(voices, voices.c.id == SegmentRow.participant_id)
        .where(SegmentRow.conversation_id == conversation_id)
        .order_by(SegmentRow.position)
    )
    rows = await session.stream(found, execution_options={"yield_per": BATCH})
    names = list(rows.keys())
    lines: list[SegmentLine] = []
    # Fetched in pieces: decoding some thousand lines at once would hold up the event loop.
    async for batch in rows.partitions():
        lines += [_line(dict(zip(names, row, strict=True)), start_time) for row in batch]
    return tuple(lines)


def _line(values: dict[str, Any], start_time: datetime) -> SegmentLine:
    name, model, place = (values.pop(key) for key in ("name", "model", "place"))
    similarity = values["confidence"]
    return SegmentLine(
        **values,
        speaker_name=name or local_name(place),
        speaker_probability=None if similarity is None or model is None else probability(similarity, model),
        start_time=start_time + timedelta(seconds=values["start_offset"]),
        end_time=start_time + timedelta(seconds=values["end_offset"]),
    )
