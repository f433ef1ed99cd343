"""What must hold in a database at rest, whatever clients did to it at the same time."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.emotions import emotions
from storage.postgres.database import Database

INVARIANTS = {
    "a segment belongs to a participant of another conversation": """
        SELECT count(*) FROM segments s LEFT JOIN participants p ON p.id = s.participant_id
        WHERE p.conversation_id IS DISTINCT FROM s.conversation_id""",
    "a participant has neither segments nor turns": """
        SELECT count(*) FROM participants p WHERE NOT EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.participant_id = p.id)""",
    "a participant has a voice embedding of misidentified segments only": """
        SELECT count(*) FROM participants p WHERE vector IS NOT NULL
        AND EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id AND is_misidentified AND voice_vector IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id AND NOT is_misidentified)""",
    "an unknown speaker has no participant, voiceprint or emotion profile": r"""
        SELECT count(*) FROM speakers k WHERE name ~ '^Unknown_\d+$' AND name <> 'Unknown_77'
        AND NOT EXISTS (SELECT 1 FROM participants p JOIN voices v ON v.id = p.speaker_id
            WHERE v.speaker_id = k.id AND (p.vector IS NOT NULL
            OR EXISTS (SELECT 1 FROM segments s WHERE s.participant_id = p.id)))
        AND NOT EXISTS (SELECT 1 FROM voiceprints v WHERE v.speaker_id = k.id)
        AND NOT EXISTS (SELECT 1 FROM emotion_profiles e WHERE e.speaker_id = k.id)""",
    "the segments of a conversation are not numbered without gaps": """
        SELECT count(*) FROM (SELECT conversation_id FROM segments GROUP BY 1
        HAVING min(position) <> 0 OR max(position) <> count(*) - 1) AS gaps""",
    "a corrected emotion has a confidence below 1 or no time of correction": """
        SELECT count(*) FROM segments WHERE emotion_corrected
        AND (emotion_confidence IS DISTINCT FROM 1 OR emotion_corrected_at IS NULL)""",
    "a conversation is processing without a job, or has a job and is not": """
        SELECT count(*) FROM conversations c WHERE (status = 'processing') <> EXISTS (
            SELECT 1 FROM jobs j WHERE j.conversation_id = c.id AND state IN ('queued', 'running'))""",
    "a conversation is completed without segments or an end time": """
        SELECT count(*) FROM conversations c WHERE status = 'completed' AND (end_time IS NULL
        OR NOT EXISTS (SELECT 1 FROM segments s WHERE s.conversation_id = c.id))""",
    "results of stages are kept after the end of their job": """
        SELECT count(*) FROM job_stages JOIN jobs j ON j.id = job_id WHERE state NOT IN ('queued', 'running')""",
    "a checkpoint has another name than its profile": """
        SELECT count(*) FROM backups c JOIN backups p ON p.id = c.profile_id WHERE p.name <> c.name""",
    "a change of a reference vector was not recorded": """
        SELECT count(*) FROM (SELECT 'participants' AS kind, id FROM participants WHERE vector IS NOT NULL
            UNION ALL SELECT 'voiceprints', id FROM voiceprints) AS r
        WHERE NOT EXISTS (SELECT 1 FROM reference_changes c WHERE c.kind = r.kind AND c.reference_id = r.id)""",
}
"""Violations, and a query that counts each."""

PROFILES = """
SELECT speaker_id, emotion_category, vector::text, model, sample_count, voice_vector::text, voice_model, voice_sample_count
FROM emotion_profiles ORDER BY 1, 2
"""


async def violations(database: Database) -> list[str]:
    """Describe each violation in the database."""
    async with database.session() as session:
        counts = {what: (await session.execute(text(query))).scalar_one() for what, query in INVARIANTS.items()}
        found = [f"{what}: {count}" for what, count in counts.items() if count]
        found += await _stale_profiles(session)
        await session.rollback()
    return found


async def _stale_profiles(session: AsyncSession) -> list[str]:
    """Find emotion profiles that differ from those that are computed from the segments."""
    before = (await session.execute(text(PROFILES))).all()
    for speaker in (await session.scalars(text("SELECT id FROM speakers"))).all():
        await emotions.recompute(session, speaker)
    after = (await session.execute(text(PROFILES))).all()
    same = len(before) == len(after) and all(map(_same, before, after))
    return [] if same else [f"an emotion profile differs from its segments: {before} {after}"]


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Compare vectors with a tolerance: PostgreSQL sums segments in no fixed order."""
    return all(
        np.allclose(json.loads(a), json.loads(b), atol=1e-5) if str(a)[:1] == str(b)[:1] == "[" else a == b
        for a, b in zip(one, other, strict=True)
    )
