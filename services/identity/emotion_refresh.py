"""Emotions follow the speakers: what is left to do when lines have other speakers than before."""

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from storage.emotions import emotions
from storage.postgres.conditions import one_of
from storage.tables import EmotionProfile, SegmentRow, Speaker

AT_ONCE = 1000
"""Participants whose lines are detected in one go."""


async def profiled(session: AsyncSession, *speaker_ids: int | None) -> bool:
    """Whether any of the speakers has an emotion profile; to be asked before their lines change.

    Where lines pass from one speaker to another and neither has one, nothing was learned from them, and nothing follows. Lines
    that were nobody's may have been learned from before they were: ask `learned`.
    """
    return bool(await those_profiled(session, speaker_ids))


async def those_profiled(session: AsyncSession, speaker_ids: Iterable[int | None]) -> set[int]:
    """Those of the speakers who have an emotion profile."""
    known = [speaker for speaker in speaker_ids if speaker is not None]
    found = select(EmotionProfile.speaker_id).where(EmotionProfile.speaker_id.in_(known)).distinct()
    return set(await session.scalars(found))


async def taught(session: AsyncSession, participant_ids: Collection[int]) -> bool:
    """Whether a profile learns from any line of the participants, as soon as they have a speaker."""
    lines = select(SegmentRow.id).where(one_of(SegmentRow.participant_id, sorted(participant_ids)), emotions.LEARNED)
    return await session.scalar(lines.limit(1)) is not None


async def learned(session: AsyncSession, speaker_ids: Iterable[int], participant_ids: Collection[int]) -> bool:
    """Whether anything follows once the participants' lines, which may have been nobody's, have passed between the speakers."""
    return await profiled(session, *speaker_ids) or await taught(session, participant_ids)


async def follow(
    session: AsyncSession, policy: IdentityPolicy, speaker_ids: Collection[int], participant_ids: Collection[int]
) -> None:
    """Make the profiles of the speakers anew, and detect again what emotion the lines of the participants have."""
    for speaker_id in sorted(await session.scalars(select(Speaker.id).where(Speaker.id.in_(speaker_ids)))):
        await emotions.recompute(session, speaker_id)
    ids = sorted(participant_ids)
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        await emotions.redetect(session, settings=policy.voice, participant_ids=some, personalized=policy.personalized)
