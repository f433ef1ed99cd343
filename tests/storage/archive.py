"""A small archive for tests: conversations with voices and emotions, inserted row by row, and functions that read its state."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.conversations import conversations
from storage.tables import ParticipantRow, SegmentRow, Speaker, TurnRow, VoiceprintRow
from tests.storage.transcripts import MODEL, voice

EMOTION_MODEL = "test-emotion"


async def add_speaker(session: AsyncSession, name: str, *samples: int, model: str = MODEL) -> int:
    """Add a named speaker, enrolled from samples of the given seeds; returns the id."""
    speaker = Speaker(name=name)
    session.add(speaker)
    await session.flush()
    for seed in samples:
        session.add(VoiceprintRow(speaker_id=speaker.id, vector=voice(seed), model=model, source="enrolled"))
        await session.flush()
    return speaker.id


async def add_talk(session: AsyncSession, speakers: Sequence[int | None], lines: int = 4, seed: int = 100) -> int:
    """Add a conversation in which these speakers alternate, with segments of a second and a half; returns its id."""
    conversation_id = await conversations.create(session, "A talk", None, "flac")
    people = []
    for i, speaker_id in enumerate(speakers):
        vector = None if speaker_id is None else voice(seed + i)
        model = None if vector is None else MODEL
        person = ParticipantRow(
            conversation_id=conversation_id, label=f"SPEAKER_{i:02d}", voice_id=speaker_id, vector=vector, model=model,
            speech_seconds=9.0,
        )  # fmt: skip
        session.add(person)
        await session.flush()
        people.append(person)
    for i in range(lines):
        person = people[i % len(people)]
        place = {"conversation_id": conversation_id, "participant_id": person.id}
        session.add(TurnRow(**place, start=2.0 * i, end=2.0 * i + 1.5))
        session.add(
            SegmentRow(
                **place, position=i, start_offset=2.0 * i, end_offset=2.0 * i + 1.5, text=f"Line {i}.", words=[],
                emotion_category="happy", emotion_confidence=0.75, emotion_scores={"happy": 0.75, "neutral": 0.25},
                emotion_vector=voice(seed + 50 + i, 64), emotion_model=EMOTION_MODEL,
                voice_vector=voice(seed + 10 + i), voice_model=MODEL,
            )
        )  # fmt: skip
        await session.flush()  # one by one: SQLAlchemy's inserts of many rows take a vector for text
    await conversations.complete(session, conversation_id, 2.0 * lines, "en")
    return conversation_id


STATE = {
    "speakers": "SELECT id, name, emotion_threshold, created_at FROM speakers ORDER BY id",
    "voiceprints": "SELECT speaker_id, vector::text, model, source FROM voiceprints ORDER BY 1, 2",
    "participants": """SELECT id, conversation_id, label,
        (SELECT speaker_id FROM voices v WHERE v.id = p.speaker_id), confidence, enrolled, vector::text, model
        FROM participants p ORDER BY id""",
    "segments": """SELECT id, participant_id, confidence, is_misidentified, emotion_category, emotion_confidence,
        emotion_corrected, emotion_corrected_at, emotion_misidentified, emotion_learned FROM segments ORDER BY id""",
    "profiles": """SELECT speaker_id, emotion_category, vector::text, model, sample_count, confidence_threshold,
        voice_vector::text, voice_model, voice_sample_count, voice_threshold, imported_count, imported_voice_count
        FROM emotion_profiles ORDER BY 1, 2""",
    "distinct": "SELECT lower_id, higher_id FROM distinct_speakers ORDER BY 1, 2",
    "settings": "SELECT name, value FROM voice_settings ORDER BY name",
}


async def state(session: AsyncSession) -> dict[str, list[Any]]:
    """The speakers of all segments, the profiles and the settings in the database."""
    return {name: [tuple(row) for row in await session.execute(text(query))] for name, query in STATE.items()}


async def names(session: AsyncSession, conversation_id: int) -> list[str | None]:
    """The speaker of each segment, None for a participant without a speaker."""
    found = (
        select(Speaker.name)
        .select_from(SegmentRow)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .where(SegmentRow.conversation_id == conversation_id)
    )
    return list(await session.scalars(found.order_by(SegmentRow.position)))
