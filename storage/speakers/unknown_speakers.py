"""Load the values from which `pipeline.identity.unknown_speakers` decides whether unknown speakers are merged."""

from collections.abc import Collection, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from pipeline.identity.unknown_speakers import Nearby
from storage.postgres.conditions import one_of
from storage.speakers import change_log, distinct_speakers, references
from storage.speakers.speakers import UNKNOWN
from storage.tables import ParticipantRow, Speaker, VoiceRow

MAX_REFERENCES = 16
"""The newest references of an unknown speaker, which are compared: more take time and hardly change the decision."""


async def newest(session: AsyncSession, limit: int) -> Sequence[int]:
    """The unknown speakers that were created last."""
    found = select(Speaker.id).where(Speaker.name.regexp_match(UNKNOWN)).order_by(Speaker.id.desc())
    return (await session.scalars(found.limit(limit))).all()


async def near_references(session: AsyncSession, model: str, speaker_ids: Collection[int], floor: float) -> Nearby:
    """The other speakers closer than `floor` to each reference of each of the speakers that `model` knows."""
    found: dict[int, Sequence[dict[int, float]]] = {}
    for speaker_id in sorted(speaker_ids):
        vectors = await references.of_speaker(session, speaker_id, model, MAX_REFERENCES)
        if vectors:
            near = await references.neighbours(session, np.stack(vectors), model, floor)
            found[speaker_id] = [{other: close for other, close in row.items() if other != speaker_id} for row in near]
    return found


async def kept_apart(session: AsyncSession, speaker_ids: Collection[int]) -> set[frozenset[int]]:
    """Pairs of the speakers that speak in one conversation, that a person marked as distinct, or with an undone merge."""
    one, other = aliased(ParticipantRow), aliased(ParticipantRow)
    first, second = aliased(VoiceRow), aliased(VoiceRow)
    ids = sorted(speaker_ids)
    together = (
        select(first.speaker_id, second.speaker_id)
        .join(one, one.voice_id == first.id)
        .join(other, one.conversation_id == other.conversation_id)
        .join(second, other.voice_id == second.id)
        .where(one_of(first.speaker_id, ids), one_of(second.speaker_id, ids), first.speaker_id < second.speaker_id)
        .distinct()
    )
    pairs = {frozenset(pair) for pair in await session.execute(together)}
    return pairs | await change_log.undone_merges(session) | await distinct_speakers.pairs(session, ids)
