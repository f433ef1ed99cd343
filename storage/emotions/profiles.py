"""The emotion profiles of speakers: list them, set their thresholds, and delete them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.speakers import speakers
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, Speaker, VoiceRow, spoken_by


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    emotion_category: str
    sample_count: int
    voice_sample_count: int
    confidence_threshold: float | None
    voice_threshold: float | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SpeakerEmotions:
    speaker_id: int
    speaker_name: str
    emotion_threshold: float | None
    """The speaker's own; None where the system's holds."""
    profiles: tuple[ProfileSummary, ...] = ()


async def profiles(session: AsyncSession, speaker_id: int) -> SpeakerEmotions:
    """A speaker's thresholds and profiles, by emotion. Raises LookupError."""
    name, threshold = await _speaker(session, speaker_id)
    columns = [getattr(EmotionProfile, name) for name in ProfileSummary.__dataclass_fields__]
    mine = select(*columns).where(EmotionProfile.speaker_id == speaker_id).order_by(EmotionProfile.emotion_category)
    summaries = tuple(ProfileSummary(*row) for row in await session.execute(mine))
    return SpeakerEmotions(speaker_id, name, threshold, summaries)


async def reset(session: AsyncSession, speaker_id: int, emotion: str | None = None) -> tuple[str, int]:
    """Delete a speaker's emotion profiles, or that of one emotion; returns the speaker's name and the number of profiles.

    The corrections stay, but no profile learns from them any more. Raises LookupError.
    """
    await speakers.lock(session)
    name, _ = await _speaker(session, speaker_id)
    of_speaker = SegmentRow.participant_id.in_(select(ParticipantRow.id).where(spoken_by(VoiceRow.speaker_id == speaker_id)))
    profile, segment = [EmotionProfile.speaker_id == speaker_id], [of_speaker, SegmentRow.emotion_corrected]
    if emotion is not None:
        profile.append(EmotionProfile.emotion_category == emotion)
        segment.append(SegmentRow.emotion_category == emotion)
    await session.execute(update(SegmentRow).where(*segment).values(emotion_learned=False))
    gone = (await session.scalars(delete(EmotionProfile).where(*profile).returning(EmotionProfile.id))).all()
    if emotion is not None and not gone:
        raise LookupError(_no_profile(emotion, name))
    return name, len(gone)


async def set_threshold(session: AsyncSession, speaker_id: int, threshold: float | None) -> str:
    """The similarity above which the speaker's emotions count; None for the system's. Returns the name. Raises LookupError."""
    name, _ = await _speaker(session, speaker_id)
    await session.execute(update(Speaker).where(Speaker.id == speaker_id).values(emotion_threshold=threshold))
    return name


async def set_profile_threshold(
    session: AsyncSession, speaker_id: int, emotion: str, threshold: float | None, *, voice: bool = False
) -> str:
    """The same for one emotion, or for the voice in it. Returns the speaker's name. Raises LookupError."""
    name, _ = await _speaker(session, speaker_id)
    column = EmotionProfile.voice_threshold if voice else EmotionProfile.confidence_threshold
    which = (EmotionProfile.speaker_id == speaker_id, EmotionProfile.emotion_category == emotion)
    changed = update(EmotionProfile).where(*which).values({column: threshold}).returning(EmotionProfile.id)
    if (await session.scalars(changed)).one_or_none() is None:
        raise LookupError(_no_profile(emotion, name))
    return name


@dataclass(frozen=True, slots=True)
class ProfileThresholds:
    """The thresholds of one emotion profile."""

    speaker_id: int
    emotion_category: str
    confidence_threshold: float | None
    voice_threshold: float | None


@dataclass(frozen=True, slots=True)
class ProfileSamples:
    """How many segments and imported samples a profile is computed from, and by which emotion model."""

    model: str
    count: int


async def samples(session: AsyncSession, speaker_id: int, emotion: str) -> ProfileSamples | None:
    """None where the speaker has no profile of the emotion."""
    which = (EmotionProfile.speaker_id == speaker_id, EmotionProfile.emotion_category == emotion)
    row = (await session.execute(select(EmotionProfile.model, EmotionProfile.sample_count).where(*which))).one_or_none()
    return None if row is None else ProfileSamples(*row)


async def speakers_with_profiles(session: AsyncSession, speaker_ids: Iterable[int | None]) -> set[int]:
    """Those of the speakers who have an emotion profile."""
    ids = [speaker_id for speaker_id in speaker_ids if speaker_id is not None]
    found = select(EmotionProfile.speaker_id).where(EmotionProfile.speaker_id.in_(ids)).distinct()
    return set(await session.scalars(found))


async def thresholds(session: AsyncSession, speaker_ids: Iterable[int]) -> list[ProfileThresholds]:
    """The thresholds of all profiles of the speakers."""
    columns = [getattr(EmotionProfile, name) for name in ProfileThresholds.__dataclass_fields__]
    rows = await session.execute(select(*columns).where(EmotionProfile.speaker_id.in_(list(speaker_ids))))
    return [ProfileThresholds(*row) for row in rows]


async def restore_thresholds(session: AsyncSession, found: Iterable[ProfileThresholds]) -> None:
    """Restore thresholds of profiles that were deleted while they had no segments."""
    for one in found:
        which = (EmotionProfile.speaker_id == one.speaker_id, EmotionProfile.emotion_category == one.emotion_category)
        values = {"confidence_threshold": one.confidence_threshold, "voice_threshold": one.voice_threshold}
        await session.execute(update(EmotionProfile).where(*which).values(values))


def _no_profile(emotion: str, name: str) -> str:
    return f"Emotion profile '{emotion}' not found for speaker '{name}'. Create it by correcting an emotion first."


async def _speaker(session: AsyncSession, speaker_id: int) -> tuple[str, float | None]:
    """Name and threshold."""
    row = (await session.execute(select(Speaker.name, Speaker.emotion_threshold).where(Speaker.id == speaker_id))).one_or_none()
    if row is None:
        raise LookupError("Speaker not found")
    return row.name, row.emotion_threshold
