"""Remove changes from the undo history that contain what is erased: copies of rows, names, or the ids of erased rows.

A change is removed as a whole. The changes before and after it stay, and can be undone where their rows still exist.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from pydantic import ValidationError
from sqlalchemy import ARRAY, BigInteger, any_, delete, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.speakers.change_steps import (
    ChangeRecord,
    ChangeStep,
    ParticipantAdded,
    ParticipantCopy,
    ParticipantsAssigned,
    ParticipantsEnrolled,
    ProfileCopy,
    ProfilesReplaced,
    SegmentConfirmed,
    SegmentMoved,
    SpeakerCreated,
    SpeakerRenamed,
    SpeakersRemoved,
    VoiceprintAdded,
    VoiceprintsAssigned,
)
from storage.tables import IdentityChange

BATCH = 50
"""Changes read at a time: one may hold the vectors of hundreds of speakers."""


@dataclass(slots=True)
class Mentioned:
    """The ids and names that a change contains."""

    speakers: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    participants: set[int] = field(default_factory=set)
    segments: set[int] = field(default_factory=set)
    conversations: set[int] = field(default_factory=set)
    profiled: set[int] = field(default_factory=set)
    """Speakers that have copies of emotion profiles."""

    def add(self, step: ChangeStep) -> None:
        match step:
            case SpeakerCreated():
                self.speakers.add(step.speaker)
            case SpeakerRenamed():
                self.speakers.add(step.speaker)
                self.names |= {step.former, step.name}
            case ParticipantsAssigned():
                self.speakers |= {speaker for speaker in (step.source, step.target) if speaker is not None}
                self.participants |= set(step.participants)
            case ParticipantsEnrolled():
                self.participants |= set(step.participants)
            case VoiceprintAdded():
                pass  # always with the step that creates the speaker
            case VoiceprintsAssigned():
                self.speakers |= {step.source, step.target}
            case ProfilesReplaced():
                self.speakers.add(step.speaker)
                self._add_profiles(step.rows)
            case SpeakersRemoved():
                self.speakers |= {speaker.id for speaker in step.speakers}
                self.names |= {speaker.name for speaker in step.speakers}
                self.speakers |= {speaker for pair in step.rows.distinct + step.rows.passed_on for speaker in pair}
                self._add_profiles(step.rows.emotion_profiles)
            case ParticipantAdded():
                self.participants.add(step.participant)
            case SegmentMoved():
                self.segments.add(step.segment)
                self.participants |= {step.source, step.target}
                self._add_participants(step.rows)
            case SegmentConfirmed():
                self.segments.add(step.segment)
                self._add_participants(step.rows)
            case _:
                assert_never(step)

    def _add_profiles(self, copies: Sequence[ProfileCopy]) -> None:
        self.profiled |= {copy.speaker_id for copy in copies}

    def _add_participants(self, copies: Sequence[ParticipantCopy]) -> None:
        self.participants |= {copy.id for copy in copies}
        self.conversations |= {copy.conversation_id for copy in copies}
        self.speakers |= {copy.speaker_id for copy in copies if copy.speaker_id is not None}


@dataclass(frozen=True, slots=True)
class StoredChange:
    id: int
    description: str
    is_undone: bool
    record: ChangeRecord | None
    """None for a change that this program cannot read."""


async def read_all(session: AsyncSession) -> AsyncIterator[StoredChange]:
    """All changes, undone ones included, from the first."""
    columns = (IdentityChange.id, IdentityChange.description, IdentityChange.undone_at.is_not(None), IdentityChange.before)
    rows = await session.stream(select(*columns).order_by(IdentityChange.id), execution_options={"yield_per": BATCH})
    async for id_, description, is_undone, before in rows:
        record = None
        with suppress(ValidationError):
            record = ChangeRecord.model_validate(before)
        yield StoredChange(id_, description, is_undone, record)


async def remove_conversations(
    session: AsyncSession,
    conversations: Collection[int],
    *,
    participants: Collection[int],
    segments: Collection[int],
    speakers: Collection[int],
) -> None:
    """Remove the changes about conversations, given their participants, segments and speakers.

    Copies of the speakers' emotion profiles may be means over segments of the conversations: they are removed, too.
    """

    def is_about(_description: str, found: Mentioned) -> bool:
        return (
            not found.conversations.isdisjoint(conversations)
            or not found.participants.isdisjoint(participants)
            or not found.segments.isdisjoint(segments)
            or not found.profiled.isdisjoint(speakers)
        )

    await remove(session, is_about)


async def remove(session: AsyncSession, is_about: Callable[[str, Mentioned], bool]) -> None:
    """Remove the changes for which `is_about` is true, given the description and what the change contains.

    Changes that this program cannot read may contain anything: they are removed, too.
    """
    gone = [
        change.id
        async for change in read_all(session)
        if change.record is None or is_about(change.description, _mentioned(change.record))
    ]
    await session.execute(delete(IdentityChange).where(IdentityChange.id == any_(literal(gone, ARRAY(BigInteger)))))


def _mentioned(record: ChangeRecord) -> Mentioned:
    found = Mentioned(speakers={speaker for pair in record.merged for speaker in pair})
    for step in record.steps:
        found.add(step)
    return found
