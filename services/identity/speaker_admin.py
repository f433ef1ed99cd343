"""Acts of users on whole speakers: enroll, rename, merge, delete. Each can be undone (`services.identity.undo`)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.sample_set import SampleSet, sample_set
from pipeline.types import Voiceprint
from services.access import audit
from services.identity import emotion_refresh, merging
from services.identity.speaker_changes import SpeakerChange
from services.identity.unknown_speakers import merge_candidates, merge_certain, merge_matching
from storage.emotions import emotions
from storage.speakers import distinct_speakers, references, speakers
from storage.speakers.speakers import SpeakerSummary

ENROLLED = "enrolled"
"""The source of a voiceprint that comes from an enrolled sample."""
MAX_SAMPLES = 50
"""Enrolled samples of a speaker that are compared with each other."""
MAX_EVIDENCE = 4
"""References of a merged speaker that other unknown speakers are compared with; each costs a product with all references."""


class SameSpeakerError(ValueError):
    """A merge names one speaker twice."""


async def enroll(
    session: AsyncSession, policy: IdentityPolicy, name: str, voice: Voiceprint, seconds: float | None = None
) -> SpeakerSummary:
    """Create a speaker with one voiceprint. Unknown speakers that clearly have this voice are merged into it.

    `seconds`: of clear speech in the sample. Raises NameTakenError.
    """
    await speakers.lock(session)
    await speakers.check_free(session, name)
    change = SpeakerChange(session)
    speaker_id = await change.create_speaker(name)
    return await _add_sample(change, policy, speaker_id, voice, seconds, f"{name} was enrolled")


async def add_sample(
    session: AsyncSession, policy: IdentityPolicy, speaker_id: int, voice: Voiceprint, seconds: float | None = None
) -> SpeakerSummary:
    """Add a voiceprint to a speaker. Unknown speakers that clearly have this voice are merged into it.

    `seconds`: of clear speech in the sample. Raises SpeakerNotFoundError.
    """
    await speakers.lock(session)
    change = SpeakerChange(session)
    name = await speakers.name_of(session, speaker_id)
    return await _add_sample(change, policy, speaker_id, voice, seconds, f"A sample of {name} was added")


async def _add_sample(
    change: SpeakerChange,
    policy: IdentityPolicy,
    speaker_id: int,
    voice: Voiceprint,
    seconds: float | None,
    description: str,
) -> SpeakerSummary:
    """Add the voiceprint, merge unknown speakers that clearly have it, and save the change."""
    await change.add_sample(speaker_id, voice, ENROLLED, seconds)
    if voice.model == policy.model:
        await merge_matching(change, policy, [voice.vector])
    await change.save(description)
    await audit.record(change.session, "speaker.enroll", f"speaker:{speaker_id}")
    return await speakers.get(change.session, speaker_id)


async def samples(session: AsyncSession, policy: IdentityPolicy, speaker_id: int) -> SampleSet:
    """How surely a speaker is recognised by the enrolled samples."""
    found = await references.enrolled(session, speaker_id, policy.model, MAX_SAMPLES)
    return sample_set(found, policy.model, policy.voice.speaker_threshold)


async def rename(session: AsyncSession, speaker_id: int, name: str) -> SpeakerSummary:
    """Give a speaker another name, in all conversations at once. Raises SpeakerNotFoundError, NameTakenError."""
    await speakers.lock(session)
    change = SpeakerChange(session)
    former = await speakers.name_of(session, speaker_id)
    await change.rename(speaker_id, name)
    await change.save(f"{former} was renamed to {name}")
    await audit.record(session, "speaker.rename", f"speaker:{speaker_id}")
    return await speakers.get(session, speaker_id)


async def merge(session: AsyncSession, policy: IdentityPolicy, source: int, target: int) -> SpeakerSummary:
    """Make `source` the same speaker as `target`, which keeps its name. Raises SpeakerNotFoundError, SameSpeakerError."""
    await speakers.lock(session)
    if source == target:
        raise SameSpeakerError("A speaker cannot be merged with itself: name another one.")
    change = SpeakerChange(session)
    evidence = await references.of_speaker(session, source, policy.model, MAX_EVIDENCE)
    candidates = await merge_candidates(session, policy, evidence)
    await merging.merge(change, policy, source, target)
    await merge_certain(change, policy, candidates | {target})
    await change.save()
    await audit.record(session, "speaker.merge", f"speaker:{source}")
    await audit.record(session, "speaker.merge_into", f"speaker:{target}")
    return await speakers.get(session, target)


async def set_distinct(session: AsyncSession, one: int, other: int, distinct: bool) -> None:
    """Record that two speakers are different people, or no longer. Raises SpeakerNotFoundError, SameSpeakerError."""
    await speakers.lock(session)
    for speaker_id in (one, other):
        await speakers.name_of(session, speaker_id)
    if one == other:
        raise SameSpeakerError("A speaker cannot be distinct from itself: name another one.")
    await (distinct_speakers.add if distinct else distinct_speakers.remove)(session, one, other)
    await audit.record(session, "speaker.distinct" if distinct else "speaker.not_distinct", f"speaker:{one}")


async def delete(session: AsyncSession, speaker_id: int) -> str:
    """Delete a speaker; returns its name. Its segments stay, under names local to their conversations.

    Raises SpeakerNotFoundError.
    """
    await speakers.lock(session)
    change = SpeakerChange(session)
    name = await speakers.name_of(session, speaker_id)
    await _remove(change, [speaker_id])
    await change.save(f"{name} was deleted")
    await audit.record(session, "speaker.delete", f"speaker:{speaker_id}")
    return name


async def delete_unknown(session: AsyncSession) -> list[str]:
    """Delete all speakers without a given name; returns the names that the program gave them."""
    await speakers.lock(session)
    change = SpeakerChange(session)
    unknown = await speakers.unknown(session)
    if unknown:
        await _remove(change, list(unknown))
    await change.save(f"{len(unknown)} unknown speakers were deleted")
    await audit.record(session, "speaker.delete_unknown")
    return list(unknown.values())


async def _remove(change: SpeakerChange, speaker_ids: Sequence[int]) -> None:
    had_profiles = await emotion_refresh.have_profiles(change.session, *speaker_ids)
    orphans = await change.remove(speaker_ids)
    if had_profiles:
        await emotions.use_general(change.session, orphans)
