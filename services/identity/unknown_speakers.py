"""Unknown speakers that turn out to be another speaker: those merged at once, and those suggested to a person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import probability
from pipeline.identity.plan import IdentityPlan
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.unknown_speakers import Nearby, certain_merges, likely_merges, suggestion_floor
from pipeline.types import Vector, Voiceprint
from services.identity import recorded_plans
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import distinct_speakers, identity_values, speakers, unknown_speakers

MAX_SUGGESTED_SPEAKERS = 100
"""Unknown speakers, the newest, for which suggestions are made."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An unknown speaker that may be another one."""

    speaker_id: int
    speaker_name: str
    other_id: int
    other_name: str
    similarity: float
    """Median cosine similarity of the unknown speaker's references to the closest of the other's."""
    probability: float | None
    """That they are one person; None for an embedding model that was not calibrated."""


async def merge_matching(change: SpeakerChange, policy: IdentityPolicy, vectors: Sequence[Vector]) -> None:
    """Merge the unknown speakers that new references, vectors of `policy.model`, show to be another speaker."""
    await merge_certain(change, policy, await merge_candidates(change.session, policy, vectors))


async def merge_candidates(session: AsyncSession, policy: IdentityPolicy, vectors: Sequence[Vector]) -> set[int]:
    """The speakers near vectors of `policy.model`, which new references of a speaker may show to be that one.

    It can be called before the vectors are references, which saves reading these again before the comparison.
    """
    voices = [Voiceprint(vector, policy.model) for vector in vectors]
    found = await identity_values.near_voices(session, voices, policy.voice.speaker_threshold)
    return {speaker for near in found for speaker in near}


async def merge_certain(change: SpeakerChange, policy: IdentityPolicy, candidates: Collection[int]) -> None:
    """Merge those of the speakers that are unknown and certainly are another one."""
    session, threshold = change.session, policy.voice.speaker_threshold
    named = await speakers.named(session, candidates)
    if len(named) < 2:  # the speaker of the new references alone
        return
    unknown = [speaker_id for speaker_id, is_named in named.items() if not is_named]
    nearby = await unknown_speakers.near_references(session, policy.model, unknown, threshold)
    others = _speakers_in(nearby) | named.keys()
    apart = await unknown_speakers.kept_apart(session, others)
    plan = IdentityPlan(merges=certain_merges(nearby, await _named(session, others), apart, threshold))
    await recorded_plans.apply_merges(change, policy, plan)


async def suggestions(session: AsyncSession, policy: IdentityPolicy, limit: int) -> list[Suggestion]:
    """Pairs of speakers that may be one, for a person to decide; the most similar first."""
    newest = await unknown_speakers.newest(session, MAX_SUGGESTED_SPEAKERS)
    return (await suggestions_for(session, policy, newest))[:limit]


async def suggestions_for(session: AsyncSession, policy: IdentityPolicy, unknown: Collection[int]) -> list[Suggestion]:
    """Those of the unknown speakers that may be a named one, or another one of these; the most similar first."""
    floor = suggestion_floor(policy.voice.speaker_threshold)
    nearby = await unknown_speakers.near_references(session, policy.model, unknown, floor)
    others = _speakers_in(nearby)
    names = await speakers.names_of(session, others)
    distinct = await distinct_speakers.pairs(session, others)
    likely = likely_merges(nearby, await _named(session, others))
    pairs = [pair for pair in likely if frozenset((pair.source, pair.target)) not in distinct]
    return [
        Suggestion(
            pair.source,
            names[pair.source],
            pair.target,
            names[pair.target],
            pair.similarity,
            probability(pair.similarity, policy.model),
        )
        for pair in pairs
        if pair.source in names and pair.target in names
    ]


def _speakers_in(nearby: Nearby) -> set[int]:
    return {speaker for near in nearby.values() for row in near for speaker in row} | nearby.keys()


async def _named(session: AsyncSession, speaker_ids: Collection[int]) -> set[int]:
    """Those of the speakers that a person named."""
    return {speaker_id for speaker_id, is_named in (await speakers.named(session, speaker_ids)).items() if is_named}
