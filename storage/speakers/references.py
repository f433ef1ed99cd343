"""The reference vectors of speakers, and the matrix of them that this process keeps in memory.

A voice is compared with all references. Reading 100,000 of them from PostgreSQL takes seconds; a matrix product takes
milliseconds. So a matrix is kept in memory for each database and embedding model. Before each use it is updated to the state
that the transaction sees. Triggers write into `reference_changes` which transaction last changed which reference. Changes of
a transaction at or above the oldest one still running (`pg_snapshot_xmin`) are read again at the next use, since it may have
been committed or rolled back meanwhile. No other reference can have changed. While `storage.speakers.speakers.lock` is held,
no replica adds a reference between the comparison and the decision.

An HNSW index of pgvector does not replace the matrix. At 100,000 references it needs `hnsw.ef_search` of 400 to give the same
match in 99.95 % of the queries near the threshold, and then takes 18 to 30 ms (median) where the matrix takes 9 ms in the same
run. For the speakers of 50 segments it takes seconds and finds the same speakers in 72 to 96 % of them
(benchmarks/performance/reference_index.py).
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, Engine, Integer, Select, Subquery, any_, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.gallery import ReferenceMatrix
from pipeline.types import Vector
from storage.tables import EmotionProfile, ParticipantRow, VoiceprintRow

ENOUGH_SAMPLES = 3
"""Corrections from which the voice of an emotion profile counts; clients of the reference system know this number too."""
BATCH = 2000
"""References read at a time, about 20 ms of work."""

CHANGES = """
SELECT now.oldest, c.kind, c.reference_id, c.xact >= now.oldest
FROM (
    SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, pg_current_xact_id_if_assigned()::text::bigint
    FROM pg_current_snapshot() s
) AS now (oldest, unborn, own)
LEFT JOIN reference_changes c
    ON c.xact >= coalesce(CAST(:since AS bigint), now.oldest) AND (c.xact < now.unborn OR c.xact = now.own)
"""
"""The changes since a transaction, and the oldest transaction that may still be running. A transaction number beyond the
snapshot that is not this transaction's is not from this server: a dump brought it from another one."""

Key = tuple[str, int]


class _Cache:
    """The references of one model, as the last transaction that used them saw them."""

    def __init__(self, model: str, dimension: int) -> None:
        self.model = model
        self.matrix = ReferenceMatrix(dimension)
        self.turn = asyncio.Lock()
        self._horizon: int | None = None
        self._unsettled: set[Key] = set()

    async def refresh(self, session: AsyncSession) -> None:
        rows = (await session.execute(text(CHANGES), {"since": self._horizon})).all()
        changed = [((kind, id_), unsettled) for _, kind, id_, unsettled in rows if kind is not None]
        if self._horizon is None:
            self.matrix = await self._read_all(session)
        else:
            keys = sorted(self._unsettled | {key for key, _ in changed})
            for start in range(0, len(keys), BATCH):
                await self._read_again(session, keys[start : start + BATCH])
        self._unsettled = {key for key, unsettled in changed if unsettled}
        self._horizon = rows[0][0]

    async def _read_all(self, session: AsyncSession) -> ReferenceMatrix:
        matrix = ReferenceMatrix(self.matrix.dimension)
        rows = await session.stream(self._select(None))
        async for batch in rows.partitions(BATCH):  # the event loop runs other tasks in between
            matrix.put([((kind, id_), speaker, vector) for kind, id_, speaker, vector in batch])
        return matrix

    async def _read_again(self, session: AsyncSession, keys: Sequence[Key]) -> None:
        rows = [((kind, id_), speaker, vector) for kind, id_, speaker, vector in await session.execute(self._select(keys))]
        self._unsettled.update(keys)  # until `refresh` has finished: what this transaction sees may be rolled back
        self.matrix.discard(set(keys) - {key for key, _, _ in rows})
        self.matrix.put(rows)

    def _select(self, keys: Sequence[Key] | None) -> Select[Any]:
        found = _rows(keys)
        rows = select(found.c.kind, found.c.reference_id, found.c.speaker_id, found.c.vector)
        return rows.where(found.c.model == self.model, func.vector_dims(found.c.vector) == self.matrix.dimension)


_caches: WeakKeyDictionary[Engine, dict[tuple[str, int], _Cache]] = WeakKeyDictionary()


async def neighbours(session: AsyncSession, vectors: NDArray[np.float32], model: str, floor: float) -> list[dict[int, float]]:
    """Which speakers are closer than `floor` to each of vectors (p, d) that `model` made, and the similarity of each.

    What two transactions find together holds only under `storage.speakers.speakers.lock`.
    """
    if not len(vectors):
        return []
    caches = _caches.setdefault(session.get_bind().engine, {})
    cache = caches.setdefault((model, vectors.shape[1]), _Cache(model, vectors.shape[1]))
    async with cache.turn:
        await cache.refresh(session)
        return await asyncio.to_thread(cache.matrix.neighbours, vectors, floor)


async def of_speaker(session: AsyncSession, speaker_id: int, model: str, limit: int) -> list[Vector]:
    """At most `limit` references of one speaker: enrolled samples first, then the newest."""
    found = _rows()
    newest = select(found.c.vector).where(found.c.speaker_id == speaker_id, found.c.model == model)
    order = (found.c.kind == VoiceprintRow.__tablename__).desc(), found.c.reference_id.desc()
    return list(await session.scalars(newest.order_by(*order).limit(limit)))


async def count(session: AsyncSession, speaker_ids: Iterable[int]) -> Counter[tuple[int, str]]:
    """How many references there are of each of the speakers by each embedding model."""
    found = _rows()
    query = select(found.c.speaker_id, found.c.model, func.count()).where(found.c.speaker_id.in_(list(speaker_ids)))
    rows = await session.execute(query.group_by(found.c.speaker_id, found.c.model))
    return Counter({(speaker, model): number for speaker, model, number in rows})


def _rows(keys: Sequence[Key] | None = None) -> Subquery:
    """References, all or those of `keys`: enrolled and imported samples, participants, and the voices of emotion profiles."""

    def of(table: Any, vector: Any, model: Any, *conditions: Any) -> Select[Any]:
        kind = table.__tablename__
        columns = (literal(kind).label("kind"), table.id.label("reference_id"), table.speaker_id, vector.label("vector"))
        rows = select(*columns, model.label("model")).where(table.speaker_id.is_not(None), vector.is_not(None), *conditions)
        if keys is None:
            return rows
        return rows.where(table.id == any_(literal([id_ for name, id_ in keys if name == kind], ARRAY(Integer))))

    profile = EmotionProfile
    return union_all(
        of(VoiceprintRow, VoiceprintRow.vector, VoiceprintRow.model),
        of(ParticipantRow, ParticipantRow.vector, ParticipantRow.model, ParticipantRow.enrolled),
        of(profile, profile.voice_vector, profile.voice_model, profile.voice_sample_count >= ENOUGH_SAMPLES),
    ).subquery()
