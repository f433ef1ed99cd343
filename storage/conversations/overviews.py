"""The speakers of conversations, their shares of the speech, and timelines: for lists of conversations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Integer, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import is_unknown
from storage.conversations.segments import local_name

MAX_SPANS = 120
"""Of a timeline, which is drawn some hundred pixels wide."""


@dataclass(frozen=True, slots=True)
class Participation:
    """A speaker in a conversation. Voices that are known there only have no `speaker_id`."""

    speaker_id: int | None
    speaker_name: str
    is_known: bool
    share: float
    """Of all speech in the conversation, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a conversation in which mostly one speaker speaks, pauses included. Times are seconds."""

    start: float
    end: float
    speaker_id: int | None


_ids = bindparam("ids", type_=ARRAY(Integer))

# A voice that is known in this conversation only is one of its own, by its id below zero.
PARTICIPATIONS = text("""
WITH people AS (
    SELECT p.id, p.conversation_id, k.id AS speaker_id, k.name,
        row_number() OVER (PARTITION BY p.conversation_id ORDER BY p.id) - 1 AS place
    FROM participants p LEFT JOIN voices v ON v.id = p.speaker_id LEFT JOIN speakers k ON k.id = v.speaker_id
    WHERE p.conversation_id = ANY(:ids)
), spoken AS (
    SELECT participant_id, sum(end_offset - start_offset) AS seconds FROM segments
    WHERE conversation_id = ANY(:ids) GROUP BY participant_id
)
SELECT conversation_id, speaker_id, name, min(place) AS place, sum(seconds) AS seconds
FROM people JOIN spoken ON participant_id = people.id
GROUP BY conversation_id, speaker_id, name, CASE WHEN speaker_id IS NULL THEN people.id END
ORDER BY conversation_id, seconds DESC, place
""").bindparams(_ids)

# The length is divided into steps. Each belongs to the speaker with the most speech in it, and adjacent ones of one speaker
# are a span, which begins and ends with their speech. Of long recordings nearly all segments are within a step: they are
# aggregated before anything else. What is read of a segment is in the index of its conversation: its row is not read.
SEGMENTS = f"""
    length CROSS JOIN LATERAL (
        SELECT participant_id, start_offset, end_offset, least(floor(start_offset / step)::int, {MAX_SPANS} - 1) AS first
        FROM segments WHERE conversation_id = length.id
    ) segment
"""
TIMELINES = text(f"""
WITH length AS MATERIALIZED (
    SELECT c.id, nullif(
        greatest(c.duration, (SELECT max(end_offset) FROM segments WHERE conversation_id = c.id)), 0
    ) / {MAX_SPANS} AS step FROM conversations c WHERE c.id = ANY(:ids)
), part AS (
    SELECT participant_id, first AS number, min(start_offset) AS start, max(least(end_offset, (first + 1) * step)) AS "end",
        sum(least(end_offset, (first + 1) * step) - start_offset) AS seconds
    FROM {SEGMENTS} WHERE step IS NOT NULL GROUP BY participant_id, first
    UNION ALL -- the further steps of segments that are in several
    SELECT participant_id, number, number * step, least(end_offset, (number + 1) * step),
        least(end_offset, (number + 1) * step) - number * step
    FROM {SEGMENTS}, LATERAL generate_series(first + 1, least(ceil(end_offset / step)::int, {MAX_SPANS}) - 1) number
    WHERE end_offset > (first + 1) * step
), piece AS (
    SELECT conversation_id, v.speaker_id, number, min(start) AS start, max("end") AS "end", sum(seconds) AS seconds
    FROM part JOIN participants p ON p.id = participant_id LEFT JOIN voices v ON v.id = p.speaker_id
    GROUP BY conversation_id, v.speaker_id, number
), winner AS (
    SELECT DISTINCT ON (conversation_id, number) * FROM piece ORDER BY conversation_id, number, seconds DESC, speaker_id
), run AS (
    SELECT *, number - row_number() OVER (PARTITION BY conversation_id, speaker_id ORDER BY number) AS run FROM winner
), span AS (
    SELECT conversation_id, speaker_id, min(start) AS start, max("end") AS "end"
    FROM run GROUP BY conversation_id, speaker_id, run
)
SELECT conversation_id, array_agg(start ORDER BY start), array_agg("end" ORDER BY start), array_agg(speaker_id ORDER BY start)
FROM span GROUP BY conversation_id
""").bindparams(_ids)


async def participations(session: AsyncSession, ids: Sequence[int]) -> Mapping[int, Sequence[Participation]]:
    """The speakers of each of the conversations, those who speak most first. In one query."""
    rows: defaultdict[int, list[Any]] = defaultdict(list)
    for row in await session.execute(PARTICIPATIONS, {"ids": list(ids)}):
        rows[row.conversation_id].append(row)
    return {id_: _shares(found) for id_, found in rows.items()}


async def timelines(session: AsyncSession, ids: Sequence[int]) -> Mapping[int, Sequence[Span]]:
    """At most `MAX_SPANS` of each of the conversations, in order of time. In one query."""
    rows = await session.execute(TIMELINES, {"ids": list(ids)})
    return {id_: [Span(*span) for span in zip(*columns, strict=True)] for id_, *columns in rows}


def _shares(rows: Sequence[Any]) -> Sequence[Participation]:
    total = sum(row.seconds for row in rows) or 1.0
    return [
        Participation(
            speaker_id=row.speaker_id,
            speaker_name=row.name or local_name(row.place),
            is_known=row.name is not None and not is_unknown(row.name),
            share=row.seconds / total,
        )
        for row in rows
    ]
