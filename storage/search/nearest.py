"""The segments whose meaning is nearest to a query: cosine of sentence embeddings.

Where the filters leave few segments, all of them are compared. Otherwise the HNSW index is read until enough of what it finds
passes the filters (pgvector's iterative scan), which needs a number of steps that grows with what the filters leave out. Where
PostgreSQL's estimate is that they leave many, these are not counted, unless the first step finds too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Float, Select, any_, func, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.types import TextVectors
from storage.postgres.conditions import one_of_large
from storage.postgres.estimates import estimated_rows, rows_of_table
from storage.postgres.local_settings import configure
from storage.postgres.vectors import HalfEmbedding
from storage.search.search import Filters, filtered
from storage.search.vector_index import indexed
from storage.tables import ParticipantRow, SegmentRow, SegmentVector, VoiceRow, spoken_by

NEIGHBOURS = 20
"""Hits by meaning. Every query has nearest texts. A rank is a better limit than a similarity: the
similarities of E5 lie between 0.7 and 0.9, and differ from query to query."""
EXACT_ROWS = (12_000, 40_000)
"""At least and at most so many are compared one by one, in 3 to 8 µs each. Of a million, the index takes as long where 20,000
to 40,000 pass, but finds 88 to 93 % of the nearest; of 250,000 it takes less from 12,000 on, and finds 96 %."""
EXACT_SHARE = 0.04
"""Between these, this part of all vectors."""
SPEAKER_MARGIN = 2
"""A speaker's segments are not counted where the estimate, for which all participants have equally many, is so many times the
limit: of those who have fewer, the index would find less than comparing all does."""
EF_SEARCH = 500
"""Candidates of the index for each step. Of the ten nearest of a million vectors, 400 find 96.6 %, 500 97.3 %, 600 98.0 % and
800 98.9 %, in half as much time again as 500 (docs/measurements.md)."""
PART, EF_SEARCH_OF_PART = 0.5, 600
"""Where filters leave less than this part of all vectors, so many candidates: the nearest that pass are further away. Of a
million, 600 find 92.6 to 95.2 % of the twenty nearest of which a tenth to a sixth pass, 500 90.4 to 93.6 %."""
PLANS = ("enable_seqscan", "enable_bitmapscan", "enable_sort")
"""Off, so that PostgreSQL reads the index in its order: it takes conditions that leave a tenth for cheaper than they are."""
MAX_SCAN_TUPLES, SCAN_MEMORY = 60_000, 4
"""Limits of an iterative scan: vectors that it compares, and its memory in multiples of `work_mem` (4 MB). With pgvector's
defaults, 20,000 and 1, it ends before it has read enough where filters leave a hundredth."""
ITERATIVE_SCAN = text(
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), "
    f"set_config('hnsw.max_scan_tuples', '{MAX_SCAN_TUPLES}', true), "
    f"set_config('hnsw.scan_mem_multiplier', '{SCAN_MEMORY}', true) FROM pg_extension "
    "WHERE extname = 'vector' AND string_to_array(extversion, '.')::int[] >= ARRAY[0, 8]"
)
"""From pgvector 0.8 on; before, filters may leave fewer hits than there are."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    segment_id: int
    similarity: float
    """Cosine."""


async def nearest(
    session: AsyncSession, viewer: Principal, query: TextVectors, filters: Filters, limit: int = NEIGHBOURS
) -> list[Neighbour]:
    """The nearest first. Only vectors of the query's model are compared. Call it within `search.in_time`."""
    unfiltered = viewer.sees_everything and filters == Filters()
    candidates = select(SegmentVector.segment_id) if unfiltered else filtered(viewer, filters, dated=False)
    with_vectors = candidates if unfiltered else candidates.join(SegmentVector, SegmentVector.segment_id == SegmentRow.id)
    vectors = await rows_of_table(session, SegmentVector.__tablename__)
    few = round(min(max(EXACT_SHARE * vectors, EXACT_ROWS[0]), EXACT_ROWS[1]))
    if vectors > few:
        passing = vectors if unfiltered else await _estimated(session, viewer, filters)
        if passing > few:
            of_part = passing < PART * vectors
            found = await _by_index(session, with_vectors, query, limit, EF_SEARCH_OF_PART if of_part else EF_SEARCH)
            if len(found) == limit:
                return found
    compared = await _among_few(session, candidates, query, limit, few)
    if compared is not None:
        return compared
    await session.execute(ITERATIVE_SCAN)
    return await _by_index(session, with_vectors, query, limit, EF_SEARCH_OF_PART)


async def _estimated(session: AsyncSession, viewer: Principal, filters: Filters) -> float:
    """How many segments the filters leave, in less time than counting them takes; rather too few than too many."""
    if filters.conversation_id is not None:
        return 0.0
    others = await estimated_rows(session, filtered(viewer, replace(filters, speaker_id=None), dated=False))
    return others if filters.speaker_id is None else others * await _share(session, filters.speaker_id) / SPEAKER_MARGIN


async def _share(session: AsyncSession, speaker_id: int) -> float:
    """The part of all participants that are this speaker. PostgreSQL's estimate for a frequent speaker is far too low."""
    own = select(func.count()).select_from(ParticipantRow).where(spoken_by(VoiceRow.speaker_id == speaker_id))
    everyone = await rows_of_table(session, ParticipantRow.__tablename__)
    return (await session.scalars(own)).one() / everyone if everyone > 0 else 0.0


async def _among_few(
    session: AsyncSession, candidates: Select[Any], query: TextVectors, limit: int, few: int
) -> list[Neighbour] | None:
    """The nearest of up to `few`, all of which are compared; None where there are more."""
    some = candidates.limit(few + 1).subquery("some")
    # As an array: for a join, PostgreSQL would look up the vectors one by one.
    ids = func.array_agg(some.c[0], type_=ARRAY(BigInteger)).label("ids")
    counted = select(func.count().label("number"), ids).select_from(some).subquery("counted")
    # pgvector would use its index for an order by the expression of the index.
    distance = SegmentVector.vector.op("<=>", return_type=Float())(literal(query.vectors[0], HalfEmbedding()))
    compared = (
        select(SegmentVector.segment_id, distance.label("distance"))
        .where(SegmentVector.segment_id == any_(counted.c.ids), SegmentVector.model == query.model)
        .where(counted.c.number <= few)
        .order_by(distance)
        .limit(limit)
        .lateral("compared")
    )
    rows = await session.execute(select(counted.c.number, compared).outerjoin(compared, true()))
    found = rows.all()
    if found[0].number > few:
        return None
    return [Neighbour(row.segment_id, 1.0 - row.distance) for row in found if row.segment_id is not None]


async def _by_index(
    session: AsyncSession, candidates: Select[Any], query: TextVectors, limit: int, ef_search: int
) -> list[Neighbour]:
    vector = query.vectors[0]
    distance = indexed(len(vector)).op("<=>", return_type=Float())(literal(vector, HalfEmbedding(len(vector))))
    found = candidates.add_columns(distance.label("distance")).where(SegmentVector.model == query.model)
    await configure(session, {"hnsw.ef_search": str(ef_search)} | dict.fromkeys(PLANS, "off"))
    rows = (await session.execute(found.order_by(distance).limit(limit))).all()
    await configure(session, dict.fromkeys(PLANS, "on"))
    # An iterative scan returns what it finds nearly in order.
    return sorted((Neighbour(id_, 1.0 - distance) for id_, distance in rows), key=lambda near: -near.similarity)


async def vectors_of(session: AsyncSession, segment_ids: Sequence[int]) -> dict[int, TextVectors]:
    """The vectors of segments that have one, with its model; one text each."""
    rows = select(SegmentVector).where(one_of_large(SegmentVector.segment_id, segment_ids))
    return {row.segment_id: TextVectors(row.vector[None], row.model) for row in await session.scalars(rows)}
