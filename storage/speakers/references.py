"""The reference vectors of speakers, and the matrix of them that this process keeps in memory.

A voice is compared with all references. Reading 100,000 of them from PostgreSQL takes seconds; a matrix product takes
milliseconds. So a matrix is kept in memory for each database and embedding model. Before each use it is updated to the state
that the transaction sees. Triggers write into the log `reference_changes` which transaction changed which reference, or which
voice (`storage.tables.VoiceRow`): when speakers are merged, the references stay and their voice changes speaker. Changes of a
transaction at or above the oldest one still running (`pg_snapshot_xmin`) are read again at the next use, since it may have
been committed or rolled back meanwhile. No other reference can have changed. While `storage.speakers.speakers.lock` is held,
no replica adds a reference between the comparison and the decision.

An HNSW index of pgvector does not replace the matrix. At 100,000 references it needs `hnsw.ef_search` of 400 to give the same
match in 99.95 % of the queries near the threshold, and then takes 18 to 30 ms (median) where the matrix takes 9 ms in the same
run. For the speakers of 50 segments it takes seconds and finds the same speakers in 72 to 96 % of them
(benchmarks/performance/reference_index.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    Engine,
    Float,
    Integer,
    LargeBinary,
    Select,
    Subquery,
    any_,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.gallery import Reference, ReferenceMatrix
from pipeline.types import Vector
from storage.postgres.conditions import one_of
from storage.tables import EmotionProfile, ParticipantRow, VoiceprintRow, VoiceRow

ENOUGH_SAMPLES = 3
"""Corrections from which the voice of an emotion profile counts; clients of the reference system know this number too."""
BATCH = 2000
"""References read at a time, about 20 ms of work."""
LOG_KEPT_S = 7 * 24 * 3600.0
"""Age of an entry of the log of changes from which it is deleted."""
MAX_IDLE_S = LOG_KEPT_S - 24 * 3600.0
"""A matrix that was not used for longer is read anew: entries that it has not seen may be deleted."""

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

VOICES = select(VoiceRow.id, VoiceRow.speaker_id)

FORGET = "DELETE FROM reference_changes WHERE changed_at < now() - CAST(:kept AS interval)"

Key = tuple[str, int]


class _Cache:
    """The references of one model, as the last transaction that used them saw them."""

    def __init__(self, model: str, dimension: int) -> None:
        self.model = model
        self.matrix = ReferenceMatrix(dimension, model)
        self.turn = asyncio.Lock()
        self._horizon: int | None = None
        self._refreshed_at = time.monotonic()
        self._unsettled: set[Key] = set()

    async def refresh(self, session: AsyncSession) -> None:
        if time.monotonic() - self._refreshed_at > MAX_IDLE_S:
            self._horizon = None
        rows = (await session.execute(text(CHANGES), {"since": self._horizon})).all()
        changed = [((kind, id_), unsettled) for _, kind, id_, unsettled in rows if kind is not None]
        if self._horizon is None:
            self.matrix = await self._read_all(session)
        else:
            self._unsettled |= {key for key, _ in changed}  # until the end: what this transaction sees may be rolled back
            voices = sorted(key for key in self._unsettled if key[0] == VoiceRow.__tablename__)
            keys = sorted(self._unsettled.difference(voices))  # none after a merge
            for start in range(0, len(keys), BATCH):
                await self._read_again(session, keys[start : start + BATCH])
            await self._read_voices(session, [id_ for _, id_ in voices])
        self._unsettled = {key for key, unsettled in changed if unsettled}
        self._horizon, self._refreshed_at = rows[0][0], time.monotonic()

    async def _read_all(self, session: AsyncSession) -> ReferenceMatrix:
        matrix = ReferenceMatrix(self.matrix.dimension, self.model)
        for voice in await session.execute(VOICES.where(VoiceRow.id != VoiceRow.speaker_id)):
            matrix.assign(*voice)
        rows = await session.stream(self._select(None))
        async for batch in rows.partitions(BATCH):  # the event loop runs other tasks in between
            matrix.put(_decoded(batch))
        return matrix

    async def _read_again(self, session: AsyncSession, keys: Sequence[Key]) -> None:
        rows = _decoded((await session.execute(self._select(keys))).all())
        self.matrix.discard(set(keys) - {row.key for row in rows})
        self.matrix.put(rows)

    async def _read_voices(self, session: AsyncSession, ids: Sequence[int]) -> None:
        if ids:
            speakers = dict(list(await session.execute(VOICES.where(one_of(VoiceRow.id, ids)))))
            for id_ in ids:
                self.matrix.assign(id_, speakers.get(id_, id_))

    def _select(self, keys: Sequence[Key] | None) -> Select[Any]:
        found = _rows(keys)
        sent = func.vector_send(found.c.vector, type_=LargeBinary)
        rows = select(found.c.kind, found.c.reference_id, found.c.voice_id, sent, found.c.seconds)
        return rows.where(found.c.model == self.model, func.vector_dims(found.c.vector) == self.matrix.dimension)


def _decoded(rows: Sequence[Any]) -> list[Reference]:
    """References by their keys.

    pgvector sends the dimension and an unused number, of two bytes each, then big-endian float32. Decoding all vectors at once
    takes a third off the time in which 135,000 references are read.
    """
    sent = b"".join(row[3] for row in rows)
    vectors = np.frombuffer(sent, ">f4").reshape(len(rows), -1)[:, 1:].astype(np.float32) if rows else ()
    return [
        Reference((kind, id_), voice, vector, seconds)
        for (kind, id_, voice, _, seconds), vector in zip(rows, vectors, strict=True)
    ]


_caches: WeakKeyDictionary[Engine, dict[tuple[str, int], _Cache]] = WeakKeyDictionary()


async def neighbours(
    session: AsyncSession,
    vectors: NDArray[np.float32],
    model: str,
    floor: float,
    seconds: Sequence[float | None] | None = None,
) -> list[dict[int, float]]:
    """Which speakers are closer than `floor` to each of vectors (p, d) that `model` made, and the similarity of each.

    `seconds`: of speech that each vector was computed from, where that is known (`pipeline.identity.attenuation`).
    What two transactions find together holds only under `storage.speakers.speakers.lock`.
    """
    return await (await comparison(session, vectors, model, floor, seconds)) if len(vectors) else []


async def comparison(
    session: AsyncSession,
    vectors: NDArray[np.float32],
    model: str,
    floor: float,
    seconds: Sequence[float | None] | None = None,
) -> Awaitable[list[dict[int, float]]]:
    """`neighbours` of at least one vector, of which only the result is still to be awaited: a thread compares meanwhile."""
    caches = _caches.setdefault(session.get_bind().engine, {})
    cache = caches.setdefault((model, vectors.shape[1]), _Cache(model, vectors.shape[1]))
    await cache.turn.acquire()
    try:
        await cache.refresh(session)
        compared = asyncio.ensure_future(asyncio.to_thread(cache.matrix.neighbours, vectors, floor, seconds))
    except BaseException:
        cache.turn.release()
        raise
    compared.add_done_callback(lambda _compared: cache.turn.release())
    return compared


async def forget_old(session: AsyncSession) -> None:
    """Delete old entries of the log of changes."""
    await session.execute(text(FORGET), {"kept": timedelta(seconds=LOG_KEPT_S)})


async def of_speaker(session: AsyncSession, speaker_id: int, model: str, limit: int) -> list[Vector]:
    """At most `limit` references of one speaker: enrolled samples first, then the newest."""
    found = _rows()
    own = func.array(select(VoiceRow.id).where(VoiceRow.speaker_id == speaker_id).scalar_subquery())
    newest = select(found.c.vector).where(found.c.voice_id == any_(own), found.c.model == model)
    order = (found.c.kind == VoiceprintRow.__tablename__).desc(), found.c.reference_id.desc()
    return list(await session.scalars(newest.order_by(*order).limit(limit)))


async def enrolled(session: AsyncSession, speaker_id: int, model: str, limit: int) -> list[tuple[Vector, float | None]]:
    """The newest enrolled or imported samples of a speaker, at most `limit`, each with its seconds of speech."""
    columns = select(VoiceprintRow.vector, VoiceprintRow.speech_seconds)
    newest = columns.where(VoiceprintRow.speaker_id == speaker_id, VoiceprintRow.model == model)
    rows = await session.execute(newest.order_by(VoiceprintRow.id.desc()).limit(limit))
    return [(vector, seconds) for vector, seconds in rows]


async def count(session: AsyncSession, speaker_ids: Iterable[int]) -> Counter[tuple[int, str]]:
    """How many references there are of each of the speakers by each embedding model."""
    found = _rows()
    speaker = VoiceRow.speaker_id
    query = select(speaker, found.c.model, func.count()).join(found, found.c.voice_id == VoiceRow.id)
    rows = await session.execute(query.where(speaker.in_(list(speaker_ids))).group_by(speaker, found.c.model))
    return Counter({(speaker, model): number for speaker, model, number in rows})


def _rows(keys: Sequence[Key] | None = None) -> Subquery:
    """References, all or those of `keys`: enrolled and imported samples, participants, and the voices of emotion profiles.

    Samples and profiles have the voice of their speaker's id.
    """

    def of(table: Any, voice: Any, vector: Any, model: Any, seconds: Any, *conditions: Any) -> Select[Any]:
        kind = table.__tablename__
        columns = (literal(kind).label("kind"), table.id.label("reference_id"), voice.label("voice_id"), vector.label("vector"))
        rows = select(*columns, model.label("model"), seconds.label("seconds"))
        rows = rows.where(voice.is_not(None), vector.is_not(None), *conditions)
        if keys is None:
            return rows
        return rows.where(table.id == any_(literal([id_ for name, id_ in keys if name == kind], ARRAY(Integer))))

    profile, unknown = EmotionProfile, null().cast(Float)
    enough = profile.voice_sample_count >= ENOUGH_SAMPLES
    spoken = func.nullif(ParticipantRow.speech_seconds, 0.0)  # 0: the diarizer did not find the voice
    return union_all(
        of(VoiceprintRow, VoiceprintRow.speaker_id, VoiceprintRow.vector, VoiceprintRow.model, VoiceprintRow.speech_seconds),
        of(
            ParticipantRow,
            ParticipantRow.voice_id,
            ParticipantRow.vector,
            ParticipantRow.model,
            spoken,
            ParticipantRow.enrolled,
        ),
        of(profile, profile.speaker_id, profile.voice_vector, profile.voice_model, unknown, enough),
    ).subquery()
