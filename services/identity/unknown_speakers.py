"""Unknown speakers who turn out to be somebody, and those who may be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from pipeline.identity import clustering
from pipeline.identity.matching import probability
from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Vector
from services.identity.merging import merge
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import change_log, references, speakers
from storage.tables import ParticipantRow, Speaker

REFERENCES = 16
"""References of an unknown speaker that are looked at, the newest: more would cost time and hardly decide otherwise."""
SUGGESTED_FROM = 100
"""Unknown speakers, the newest, for whom suggestions are made."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An unknown speaker who may be another one."""

    speaker_id: int
    speaker_name: str
    other_id: int
    other_name: str
    similarity: float
    """Median cosine similarity of the unknown speaker's references to the closest of the other's."""
    probability: float | None
    """That they are one person; None for an embedding model that was not calibrated."""


async def merge_matching(edit: SpeakerChange, policy: IdentityPolicy, heard: Sequence[Vector]) -> None:
    """Merge the unknown speakers whom new references, vectors of `policy.model`, show to be somebody."""
    await merge_certain(edit, policy, await merge_candidates(edit.session, policy, heard))


async def merge_candidates(session: AsyncSession, policy: IdentityPolicy, heard: Sequence[Vector]) -> set[int]:
    """The speakers who are near vectors of `policy.model`: those whom it concerns that these are somebody's references.

    May be asked before they are: what changes hands is read again before it is compared, which takes its time.
    """
    if not heard:
        return set()
    found = await references.neighbours(session, np.stack(heard), policy.model, policy.voice.speaker_threshold)
    return set().union(*found)


async def merge_certain(edit: SpeakerChange, policy: IdentityPolicy, concerned: Collection[int]) -> None:
    """Merge those of the speakers who are unknown and certainly are somebody, by the rule of
    `pipeline.identity.clustering.certain`."""
    session, threshold = edit.session, policy.voice.speaker_threshold
    named = await speakers.named(session, concerned)
    if len(named) < 2:  # nobody but the one who was heard
        return
    nearby = await _nearby(session, policy.model, [id_ for id_, by_hand in named.items() if not by_hand], threshold)
    others = {who for near in nearby.values() for row in near for who in row} | named.keys()
    known = {id_ for id_, by_hand in (await speakers.named(session, others)).items() if by_hand}
    apart = await _apart(session, others)
    for found_merge in clustering.certain(nearby, known, apart, threshold):
        await merge(edit, policy, found_merge.source, found_merge.target)


async def suggestions(session: AsyncSession, policy: IdentityPolicy, limit: int) -> list[Suggestion]:
    """Pairs of speakers who may be one, for a person to decide; the most similar first."""
    unknown = select(Speaker.id).where(Speaker.name.regexp_match(speakers.UNKNOWN)).order_by(Speaker.id.desc())
    newest = (await session.scalars(unknown.limit(SUGGESTED_FROM))).all()
    nearby = await _nearby(session, policy.model, newest, clustering.floor(policy.voice.speaker_threshold))
    others = {who for near in nearby.values() for row in near for who in row} | nearby.keys()
    rows = await session.execute(select(Speaker.id, Speaker.name).where(Speaker.id.in_(others)))
    names = {row.id: row.name for row in rows}
    known = {id_ for id_, by_hand in (await speakers.named(session, others)).items() if by_hand}
    return [
        Suggestion(
            pair.source,
            names[pair.source],
            pair.target,
            names[pair.target],
            pair.similarity,
            probability(pair.similarity, policy.model),
        )
        for pair in clustering.likely(nearby, known)[:limit]
        if pair.source in names and pair.target in names
    ]


async def _nearby(
    session: AsyncSession, model: str, unknown: Collection[int], floor: float
) -> dict[int, list[dict[int, float]]]:
    """Who is near each reference of the unknown speakers, closer than `floor`."""
    found: dict[int, list[dict[int, float]]] = {}
    for speaker_id in sorted(unknown):
        mine = await references.of_speaker(session, speaker_id, model, REFERENCES)
        if mine:
            near = await references.neighbours(session, np.stack(mine), model, floor)
            found[speaker_id] = [{who: s for who, s in row.items() if who != speaker_id} for row in near]
    return found


async def _apart(session: AsyncSession, speaker_ids: Collection[int]) -> set[frozenset[int]]:
    """Pairs of the speakers who were heard in one conversation, and pairs whose merge was undone."""
    one, other = aliased(ParticipantRow), aliased(ParticipantRow)
    together = (
        select(one.speaker_id, other.speaker_id)
        .join(other, one.conversation_id == other.conversation_id)
        .where(one.speaker_id.in_(speaker_ids), other.speaker_id.in_(speaker_ids), one.speaker_id < other.speaker_id)
        .distinct()
    )
    pairs: set[frozenset[int]] = set()
    for first, second in await session.execute(together):
        pairs |= {frozenset((int(first or 0), int(second or 0)))}
    return pairs | await change_log.undone_merges(session)
