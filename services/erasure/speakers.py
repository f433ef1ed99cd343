"""Remove a speaker wherever the application knows the person: names and vectors go, the transcripts' texts stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from storage import summaries
from storage.backups import redactions
from storage.editing import change_log
from storage.emotions import emotions
from storage.speakers import erased_people, speakers


@dataclass(frozen=True, slots=True)
class RemovedSpeaker:
    conversations: Sequence[int]
    """Those in which the person speaks: their texts and recordings stay."""
    deleted_backups: list[str]
    """Names of profiles and checkpoints that were deleted as this program cannot read them."""


async def remove(session: AsyncSession, speaker_id: int) -> RemovedSpeaker:
    """Remove a speaker, also one that was deleted before and can be restored by undo.

    Their segments are those of participants without a speaker and without vectors, and have the emotions of the general model.
    Raises SpeakerNotFoundError.
    """
    await speakers.lock(session)
    person = await erased_people.find(session, speaker_id)
    await emotions.use_general(session, person.participants)
    await erased_people.remove(session, person)
    await erased_people.remove_changes(session, person)
    deleted = await redactions.remove_person(session, person)
    await summaries.erase_person(session, person.participants, person.names)
    concerned = await erased_people.conversations_of(session, person)
    await change_log.clear(session, concerned)  # copies of segments have vectors
    return RemovedSpeaker(concerned, deleted)
