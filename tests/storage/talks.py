"""Stored conversations with emotions, for tests."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select

from pipeline.types import Vector
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow
from tests.storage.transcripts import MODEL, near, voice

SOUND = "test-emotion"
GENERAL = {"happy": 0.3, "neutral": 0.1, "sad": 0.6}


def sounds(kind: int) -> Vector:
    return near(voice(50 + kind, 64), 0.9)


async def keep(
    database: Database, kinds: Sequence[int], *, people: int = 1, known: bool = True, **line: Any
) -> tuple[int, list[int]]:
    """Store a conversation in which `people` speakers alternate. Returns its id and those of its segments in order.

    The general model finds all segments sad; their emotion vectors and voices differ between the kinds.
    """
    async with database.session() as session:
        conversation = await conversations.create(session, "A talk", None, "wav", status="completed")
        participants = []
        for person in range(people):
            speaker = await speakers.create_unknown(session) if known else None
            row: dict[str, Any] = {"conversation_id": conversation, "label": str(person), "voice_id": speaker}
            new = insert(ParticipantRow).values(**row, vector=voice(1 + person), model=MODEL)
            participants.append((await session.execute(new.returning(ParticipantRow.id))).scalar_one())
        ids = []
        for i, kind in enumerate(kinds):
            values = {
                "conversation_id": conversation,
                "participant_id": participants[i % people],
                "position": i,
                "start_offset": 2.0 * i,
                "end_offset": 2.0 * i + 1.5,
                "text": f"Line {i}.",
                "emotion_category": "sad",
                "emotion_confidence": 0.6,
                "emotion_scores": GENERAL,
                "emotion_vector": sounds(kind),
                "emotion_model": SOUND,
                "voice_vector": near(voice(80 + kind), 0.95),
                "voice_model": MODEL,
            }
            ids.append((await session.execute(insert(SegmentRow).values(values | line).returning(SegmentRow.id))).scalar_one())
    return conversation, ids


async def speaker_of(database: Database, segment: int) -> int:
    async with database.session() as session:
        found = select(ParticipantRow.speaker_id).join(SegmentRow, SegmentRow.participant_id == ParticipantRow.id)
        speaker = await session.scalar(found.where(SegmentRow.id == segment))
    assert speaker is not None
    return speaker


async def stored(database: Database, speaker: int) -> dict[str, Any]:
    async with database.session() as session:
        rows = await session.scalars(select(EmotionProfile).where(EmotionProfile.speaker_id == speaker))
        return {row.emotion_category: row for row in rows}
