"""What may be done to speakers as a whole. Each act can be undone (`services.identity.undo`)."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Voiceprint
from services.identity import emotion_refresh
from services.identity.merging import merge as join
from services.identity.speaker_changes import SpeakerChange
from services.identity.unknown_speakers import merge_candidates, merge_certain, merge_matching
from storage.emotions import emotions
from storage.speakers import references, speakers
from storage.speakers.speakers import NameTakenError, SpeakerSummary
from storage.tables import Speaker

ENROLLED = "enrolled"
"""The source of a voiceprint that a person's own sample gave."""
EVIDENCE = 4
"""References of a merged speaker by which others may be recognised as the one they became; each costs a product with all."""


class SameSpeakerError(ValueError):
    """Both speakers of a merge are one already."""


async def enroll(session: AsyncSession, policy: IdentityPolicy, name: str, voice: Voiceprint) -> SpeakerSummary:
    """A new speaker who is known by the voice of a sample; unknown speakers who clearly are this voice become them.

    Raises NameTakenError.
    """
    await speakers.lock(session)
    if await speakers.find(session, name) is not None:
        raise NameTakenError(name)
    edit = SpeakerChange(session)
    speaker_id = await edit.create_speaker(name)
    await edit.add_sample(speaker_id, voice, ENROLLED)
    if voice.model == policy.model:
        await merge_matching(edit, policy, [voice.vector])
    await edit.save(f"{name} was enrolled")
    return await speakers.get(session, speaker_id)


async def rename(session: AsyncSession, speaker_id: int, name: str) -> SpeakerSummary:
    """Give a speaker another name, in every conversation at once; nobody's voice is another for it.

    Raises SpeakerNotFoundError, NameTakenError.
    """
    await speakers.lock(session)
    edit = SpeakerChange(session)
    former = await speakers.name_of(session, speaker_id)
    await edit.rename(speaker_id, name)
    await edit.save(f"{former} was renamed to {name}")
    return await speakers.get(session, speaker_id)


async def merge(session: AsyncSession, policy: IdentityPolicy, source: int, target: int) -> SpeakerSummary:
    """Make `source` the same person as `target`, who keeps the name. Raises SpeakerNotFoundError, SameSpeakerError."""
    await speakers.lock(session)
    if source == target:
        raise SameSpeakerError("A speaker cannot be merged with itself: name another one.")
    edit = SpeakerChange(session)
    heard = await references.of_speaker(session, source, policy.model, EVIDENCE)
    concerned = await merge_candidates(session, policy, heard)
    await join(edit, policy, source, target)
    await merge_certain(edit, policy, concerned | {target})
    await edit.save()
    return await speakers.get(session, target)


async def delete(session: AsyncSession, speaker_id: int) -> str:
    """Forget a speaker, whose name is returned; their lines stay, under names that only their conversations know.

    Raises SpeakerNotFoundError.
    """
    await speakers.lock(session)
    edit = SpeakerChange(session)
    name = await speakers.name_of(session, speaker_id)
    await _remove(edit, [speaker_id])
    await edit.save(f"{name} was deleted")
    return name


async def delete_unknown(session: AsyncSession) -> list[str]:
    """Forget all speakers whom nobody has named; returns the names that the program gave them."""
    await speakers.lock(session)
    edit = SpeakerChange(session)
    unknown = select(Speaker.id, Speaker.name).where(Speaker.name.regexp_match(speakers.UNKNOWN)).order_by(Speaker.id)
    found = (await session.execute(unknown)).all()
    if found:
        await _remove(edit, [speaker_id for speaker_id, _ in found])
    await edit.save(f"{len(found)} unknown speakers were deleted")
    return [name for _, name in found]


async def _remove(edit: SpeakerChange, speaker_ids: Sequence[int]) -> None:
    learned = await emotion_refresh.profiled(edit.session, *speaker_ids)
    orphans = await edit.remove(speaker_ids)
    if learned:
        await emotions.use_general(edit.session, orphans)
