"""Recompute the emotions of segments after their speaker changed, and the profiles of the old and new speakers."""

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from storage.emotions import emotions, profiles
from storage.speakers import speakers

BATCH = 1000
"""Number of participants in one call of emotion detection."""


async def have_profiles(session: AsyncSession, *speaker_ids: int | None) -> bool:
    """Whether any of the speakers has an emotion profile; call it before their segments change.

    Where segments pass from one speaker to another and neither has one, nothing was learned from them, and no emotion changes.
    Segments that had no speaker may hold corrections nevertheless: see `is_needed`.
    """
    return bool(await profiles.speakers_with_profiles(session, speaker_ids))


async def is_needed(
    session: AsyncSession,
    speaker_ids: Iterable[int],
    participant_ids: Collection[int],
    moved: Collection[int] | None = None,
) -> bool:
    """Whether emotions may change after the participants' segments, with or without a speaker before, got these speakers.

    `moved` are the participants that gained or lost segments, all of them where it is None: emotions may be relative to the
    speaker.
    """
    return (
        await have_profiles(session, *speaker_ids)
        or await emotions.have_corrections(session, participant_ids)
        or await emotions.is_relative(session, participant_ids if moved is None else moved)
    )


async def refresh(
    session: AsyncSession, policy: IdentityPolicy, speaker_ids: Collection[int], participant_ids: Collection[int]
) -> None:
    """Compute the profiles of the speakers again, and detect the emotions of the participants' segments again."""
    for speaker_id in sorted(await speakers.names_of(session, speaker_ids)):
        await emotions.recompute(session, speaker_id)
    await redetect(session, policy, participant_ids)


async def redetect(session: AsyncSession, policy: IdentityPolicy, participant_ids: Collection[int]) -> None:
    """Detect the emotions of the participants' segments again."""
    ids = sorted(participant_ids)
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        await emotions.redetect(session, settings=policy.voice, participant_ids=some, personalized=policy.personalized)


async def redetect_segments(session: AsyncSession, policy: IdentityPolicy, segment_ids: Collection[int]) -> None:
    await emotions.redetect(session, settings=policy.voice, segment_ids=segment_ids, personalized=policy.personalized)
