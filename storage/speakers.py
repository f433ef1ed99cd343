"""Speakers, the people with lasting names, and the vectors they are known by."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, delete, exists, func, literal, select, text, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Vector
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, Speaker, VoiceprintRow, unknown_speaker_number

IDENTITY_LOCK = 0x73706B72  # "spkr": an advisory lock of ours
UNKNOWN = r"^Unknown_[0-9]+$"
"""Names that the program gave."""


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    id: int
    name: str
    created_at: datetime
    updated_at: datetime
    segment_count: int


async def lock(session: AsyncSession) -> None:
    """Until the end of the transaction nobody else decides who is who.

    To be taken by all that matches, merges or deletes speakers, before it reads them.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": IDENTITY_LOCK})


async def list_all(session: AsyncSession) -> list[SpeakerSummary]:
    """All speakers by name, with the number of lines that are theirs."""
    count = select(func.count()).select_from(SegmentRow).join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
    mine = count.where(ParticipantRow.speaker_id == Speaker.id).scalar_subquery()
    columns = (Speaker.id, Speaker.name, Speaker.created_at, Speaker.updated_at, mine)
    return [SpeakerSummary(*row) for row in await session.execute(select(*columns).order_by(Speaker.name))]


async def names(session: AsyncSession) -> list[str]:
    """The names of all speakers, in order."""
    return list(await session.scalars(select(Speaker.name).order_by(Speaker.name)))


async def create_unknown(session: AsyncSession) -> int:
    """A new speaker with the next free name `Unknown_01`, `Unknown_02`, …; returns the id."""
    while True:
        number = (await session.execute(select(unknown_speaker_number.next_value()))).scalar_one()
        # Somebody may have chosen such a name by hand; then the next number is tried.
        new = insert(Speaker).values(name=f"Unknown_{number:02d}").on_conflict_do_nothing(index_elements=[Speaker.name])
        created = (await session.execute(new.returning(Speaker.id))).scalar_one_or_none()
        if created is not None:
            return created


async def references(session: AsyncSession, model: str, dimension: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All that speakers are known by in the eyes of `model`: vectors, shape (n, dimension), and whose each is, shape (n,).

    Enrolled samples and the participants that were matched or identified. Vectors of other models are never compared.
    """

    def of(table: type[VoiceprintRow] | type[ParticipantRow]) -> Select[int | None, Vector | None]:
        right = (table.speaker_id.is_not(None), table.model == model, func.vector_dims(table.vector) == dimension)
        return select(table.speaker_id, table.vector).where(*right)

    rows = (await session.execute(union_all(of(VoiceprintRow), of(ParticipantRow)))).all()
    vectors = np.array([row[1] for row in rows], dtype=np.float32).reshape(-1, dimension)
    return vectors, np.array([row[0] for row in rows], dtype=np.int64)


async def delete_forgotten(session: AsyncSession, speaker_ids: Iterable[int]) -> None:
    """Delete those of the speakers whom the program named and nothing refers to any more."""
    tables = (ParticipantRow, VoiceprintRow, EmotionProfile)
    used = [exists(select(literal(1)).where(table.speaker_id == Speaker.id)) for table in tables]
    gone = delete(Speaker).where(Speaker.id.in_(list(speaker_ids)), Speaker.name.regexp_match(UNKNOWN), *(~one for one in used))
    await session.execute(gone)
