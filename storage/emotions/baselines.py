"""What the emotion detectors usually find for a speaker, computed from the scores of stored segments."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.emotion.feeling import CALIBRATIONS, SMALLEST, Baseline

MAX_SEGMENTS = 1000
"""The latest segments of a speaker that a baseline is computed from."""

Baselines = dict[tuple[int, str], Baseline]
"""By participant, and by the detector's name."""

# A speaker's segments in all conversations count; those of a participant without a speaker in its conversation.
_STATEMENT = """
WITH asked AS (
    SELECT p.id, CASE WHEN :of_speakers THEN v.speaker_id END AS speaker_id
    FROM participants p LEFT JOIN voices v ON v.id = p.speaker_id WHERE p.id = ANY(CAST(:participants AS int[]))
), people AS (
    SELECT speaker_id, array_agg(id) AS participants FROM asked
    GROUP BY speaker_id, CASE WHEN speaker_id IS NULL THEN id END
)
SELECT people.participants, latest.emotion_model, score.label, count(*), avg(ln(greatest(score.value::float8, :smallest)))
FROM people
CROSS JOIN LATERAL (
    SELECT s.emotion_model, s.emotion_scores FROM segments s
    WHERE s.participant_id IN (
        SELECT p.id FROM participants p JOIN voices v ON v.id = p.speaker_id WHERE v.speaker_id = people.speaker_id
        UNION ALL SELECT unnest(people.participants) WHERE people.speaker_id IS NULL
    ) AND s.emotion_model = ANY(:models) AND s.emotion_scores IS NOT NULL AND NOT s.is_misidentified
    ORDER BY s.id DESC LIMIT :most
) latest
CROSS JOIN LATERAL jsonb_each_text(latest.emotion_scores) AS score(label, value)
GROUP BY 1, 2, 3
"""


async def of_participants(session: AsyncSession, participant_ids: Collection[int], *, of_speakers: bool = True) -> Baselines:
    """Each participant's baseline: that of its speaker, or of itself where it has none or not `of_speakers`."""
    if not CALIBRATIONS or not participant_ids:
        return {}
    values = {
        "participants": sorted(participant_ids),
        "of_speakers": of_speakers,
        "models": list(CALIBRATIONS),
        "smallest": SMALLEST,
        "most": MAX_SEGMENTS,
    }
    means: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    segments: dict[tuple[int, str], int] = {}
    for participants, model, label, count, mean in await session.execute(text(_STATEMENT), values):
        for participant in participants:
            means[participant, model][label] = mean
            segments[participant, model] = count
    return {key: Baseline(segments[key], found) for key, found in means.items()}
