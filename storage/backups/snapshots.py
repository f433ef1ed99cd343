"""The live identities of speakers as the text of a profile file. PostgreSQL writes the JSON, of any length, entry by entry."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import VERSION, Header, Vocabulary, render
from pipeline.voice_settings import VoiceSettingsChange
from settings import Settings
from storage import vocabulary
from storage.speakers import speakers, voice_settings
from storage.tables import ParticipantRow

BATCH = 500

# An undone merge keeps two speakers apart as a person's mark does; the undo history is not part of a file.
# A vector's text is a JSON array, in the shortest numbers that read back as the same float32.
SPEAKERS = """
WITH reference AS (
    SELECT speaker_id, vector, model FROM voiceprints
    UNION ALL
    SELECT v.speaker_id, vector, model FROM participants p JOIN voices v ON v.id = p.speaker_id
    WHERE enrolled AND vector IS NOT NULL
), mean AS (
    SELECT DISTINCT ON (speaker_id) speaker_id, model, avg(vector) AS vector FROM reference
    GROUP BY speaker_id, model, vector_dims(vector) ORDER BY speaker_id, model = :model DESC, count(*) DESC
), pair AS (
    SELECT lower_id AS one, higher_id AS other FROM distinct_speakers
    UNION SELECT (merge ->> 0)::int, (merge ->> 1)::int
    FROM identity_changes, jsonb_array_elements(before -> 'merged') AS merge WHERE undone_at IS NOT NULL
), different AS (
    SELECT one AS id, json_agg(DISTINCT other ORDER BY other) AS ids
    FROM (SELECT one, other FROM pair UNION SELECT other, one FROM pair) AS both_ways
    WHERE one <> other AND other IN (SELECT id FROM speakers) GROUP BY one
)
SELECT json_build_object(
    'id', s.id, 'name', s.name, 'embedding', mean.vector::text::json, 'embedding_model', mean.model,
    'emotion_threshold', s.emotion_threshold, 'created_at', s.created_at, 'updated_at', s.updated_at,
    'references', (
        SELECT coalesce(json_agg(json_build_object(
            'vector', v.vector::text::json, 'model', v.model, 'source', v.source, 'created_at', v.created_at,
            'speech_seconds', v.speech_seconds
        ) ORDER BY v.id), '[]') FROM voiceprints v WHERE v.speaker_id = s.id),
    'emotion_profiles', (
        SELECT coalesce(json_agg(json_build_object(
            'emotion_category', p.emotion_category, 'embedding', p.vector::text::json, 'embedding_model', p.model,
            'sample_count', p.sample_count, 'confidence_threshold', p.confidence_threshold,
            'voice_embedding', p.voice_vector::text::json, 'voice_embedding_model', coalesce(p.voice_model, :model),
            'voice_sample_count', p.voice_sample_count, 'voice_threshold', p.voice_threshold,
            'imported_vector', p.imported_vector::text::json, 'imported_count', p.imported_count,
            'imported_voice_vector', p.imported_voice_vector::text::json, 'imported_voice_count', p.imported_voice_count,
            'created_at', p.created_at, 'updated_at', p.updated_at
        ) ORDER BY p.emotion_category), '[]') FROM emotion_profiles p WHERE p.speaker_id = s.id),
    'different_from', coalesce(different.ids, '[]')
)::text FROM speakers s LEFT JOIN mean ON mean.speaker_id = s.id LEFT JOIN different ON different.id = s.id ORDER BY s.id
"""

PARTICIPANTS = """
SELECT json_build_object(
    'id', p.id, 'conversation_id', p.conversation_id, 'conversation_uuid', c.uuid, 'label', p.label,
    'speaker_id', v.speaker_id, 'confidence', p.confidence, 'enrolled', p.enrolled, 'speech', p.speech,
    'vector', p.vector::text::json, 'model', p.model
)::text FROM participants p JOIN conversations c ON c.id = p.conversation_id
LEFT JOIN voices v ON v.id = p.speaker_id ORDER BY p.id
"""

SEGMENTS = """
SELECT json_build_object(
    'id', s.id, 'conversation_id', s.conversation_id, 'conversation_uuid', c.uuid, 'participant_id', s.participant_id,
    'speaker_id', v.speaker_id, 'speaker_name', k.name, 'is_misidentified', s.is_misidentified,
    'start_offset', s.start_offset, 'end_offset', s.end_offset, 'confidence', s.confidence,
    'emotion_category', s.emotion_category, 'emotion_confidence', s.emotion_confidence,
    'emotion_corrected', s.emotion_corrected, 'emotion_corrected_at', s.emotion_corrected_at,
    'emotion_misidentified', s.emotion_misidentified, 'emotion_learned', s.emotion_learned,
    'emotion_vector', CASE WHEN s.emotion_corrected THEN s.emotion_vector::text::json END,
    'emotion_model', CASE WHEN s.emotion_corrected THEN s.emotion_model END,
    'voice_vector', CASE WHEN s.emotion_corrected THEN s.voice_vector::text::json END,
    'voice_model', CASE WHEN s.emotion_corrected THEN s.voice_model END
)::text FROM segments s JOIN conversations c ON c.id = s.conversation_id JOIN participants p ON p.id = s.participant_id
LEFT JOIN voices v ON v.id = p.speaker_id LEFT JOIN speakers k ON k.id = v.speaker_id ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class Running:
    """What the program runs with, which a file says and a restore respects."""

    settings: Settings
    embedding_model: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    content: str
    speakers_count: int
    segments_count: int
    taken_at: datetime


async def take(
    session: AsyncSession,
    running: Running,
    name: str,
    description: str | None,
    kind: Literal["profile", "checkpoint"] = "profile",
    *,
    empty: bool = False,
) -> Snapshot:
    """The live state, or, for an `empty` profile, the settings alone. Speakers are locked against changes meanwhile."""
    await speakers.lock(session)
    now = datetime.now(UTC)
    header = Header(
        version=VERSION,
        timestamp=stamp(now),
        name=name,
        description=description or "",  # as the reference system writes it
        type=kind,
        embedding_model=running.embedding_model,
        settings=VoiceSettingsChange(
            **(await voice_settings.get(session, running.settings, running.embedding_model)).model_dump()
        ),
        vocabulary=Vocabulary(**asdict(await vocabulary.stored(session))),
    )
    if empty:
        return Snapshot(render(header, (), (), ()), 0, 0, now)
    people = await _entries(session, SPEAKERS, model=running.embedding_model)
    lines = await _entries(session, SEGMENTS)
    content = render(header, people, await _entries(session, PARTICIPANTS), lines)
    return Snapshot(content, len(people), len(lines), now)


async def latest_model(session: AsyncSession) -> str | None:
    """The embedding model that made the newest voice here; None where there is none yet."""
    newest = select(ParticipantRow.model).where(ParticipantRow.model.is_not(None)).order_by(ParticipantRow.id.desc())
    return await session.scalar(newest.limit(1))


def stamp(moment: datetime) -> str:
    """A time as file names have it, UTC."""
    return moment.astimezone(UTC).strftime("%Y%m%d_%H%M%S")


async def _entries(session: AsyncSession, statement: str, **values: object) -> list[str]:
    rows = await session.stream_scalars(text(statement), values, execution_options={"yield_per": BATCH})
    return [entry async for entry in rows]
