"""Undo the last change of who speaks."""

from collections.abc import Sequence
from typing import assert_never

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.access import audit
from services.identity import emotion_refresh
from services.policy import ReadPolicy
from storage.change_summary import ChangeSummary
from storage.speakers import change_log, changes, distinct_speakers, participants, speakers
from storage.speakers.change_steps import (
    ChangeStep,
    ParticipantAdded,
    ParticipantCopy,
    ParticipantsAssigned,
    ParticipantsEnrolled,
    ProfilesReplaced,
    SegmentConfirmed,
    SegmentMoved,
    SpeakerCreated,
    SpeakerRenamed,
    SpeakersRemoved,
    VoiceprintAdded,
    VoiceprintsAssigned,
)
from storage.speakers.changes import SegmentIdentity

MAX_LISTED = 100
UNREADABLE = "The change was stored by another version of this program, which this one cannot read: it cannot be undone here."


class UndoError(RuntimeError):
    """The change cannot be undone; the message says why."""


async def history(session: AsyncSession) -> list[ChangeSummary]:
    """The latest changes, the newest first."""
    return await change_log.latest(session, MAX_LISTED)


async def undo(session: AsyncSession, read_policy: ReadPolicy, expected: int | None = None) -> ChangeSummary:
    """Undo the last change that is not undone. The policy is read only where emotions have to be detected again.

    What was added later, such as recordings in which a merged speaker was recognised, keeps the speaker that it got. Raises
    UndoError where there is nothing to undo, where the change is not the `expected` one, where this program cannot read the
    stored change, or where something later depends on the change; nothing is changed then.
    """
    await speakers.lock(session)
    try:
        change = await change_log.last_undoable(session)
    except ValidationError as error:
        raise UndoError(UNREADABLE) from error
    if change is None:
        raise UndoError("There is no change of speakers left to undo.")
    if expected not in (None, change.id):
        raise UndoError("Speakers were changed since: undo that first (`GET /speakers/changes` has the latest changes).")
    undoing = _Undo(session)
    for step in reversed(change.record.steps):
        await undoing.undo(step)
    if undoing.gone and not undoing.done:
        raise UndoError("The lines that it was about are gone: their conversations were deleted or processed again.")
    if undoing.has_profiles or await emotion_refresh.is_needed(session, undoing.speakers, undoing.participants):
        await emotion_refresh.refresh(session, await read_policy(session), undoing.speakers, undoing.participants)
    await audit.record(session, "speaker.undo", f"change:{change.id}")
    return await change_log.mark_undone(session, change.id)


class _Undo:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.speakers: set[int] = set()
        """Speakers of segments that may have changed."""
        self.participants: set[int] = set()
        """Participants with a changed speaker or changed segments."""
        self.has_profiles = False
        """Emotion profiles were put back."""
        self.done = self.gone = 0
        """Steps about participants and segments: those undone, and those skipped because their rows no longer exist."""

    async def undo(self, step: ChangeStep) -> None:
        match step:
            case SpeakerCreated():
                await self._delete_speaker(step)
            case SpeakerRenamed():
                await self._rename(step)
            case ParticipantsAssigned():
                await self._assign(step)
            case ParticipantsEnrolled():
                await changes.set_enrolled(self.session, step.participants, not step.enrolled)
            case VoiceprintAdded():
                await changes.delete_voiceprint(self.session, step.voiceprint)
            case VoiceprintsAssigned():
                await self._check_speaker(step.source)
                await changes.assign_voiceprints(self.session, step.target, step.source, step.voiceprints)
            case ProfilesReplaced():
                await self._restore_profiles(step)
            case SpeakersRemoved():
                await self._restore_speakers(step)
            case ParticipantAdded():
                await changes.delete_silent_participant(self.session, step.participant)
            case SegmentMoved():
                await self._move_back(step)
            case SegmentConfirmed():
                await self._unconfirm(step)
            case _:
                assert_never(step)

    async def _delete_speaker(self, step: SpeakerCreated) -> None:
        if await changes.has_references(self.session, step.speaker):
            name = await speakers.name_of(self.session, step.speaker)
            raise UndoError(f"{name} has been heard elsewhere since: merge or delete the speaker instead.")
        await changes.delete_speakers(self.session, [step.speaker])
        self.speakers.discard(step.speaker)

    async def _rename(self, step: SpeakerRenamed) -> None:
        if await speakers.find(self.session, step.name) != step.speaker:
            raise UndoError(f"{step.name} has another name by now, or is gone.")
        await self._check_name(step.former, besides=step.speaker)
        await changes.rename_speaker(self.session, step.speaker, step.former)
        self.speakers.add(step.speaker)
        self.done += 1

    async def _assign(self, step: ParticipantsAssigned) -> None:
        found = await participants.speakers_of(self.session, step.participants)
        if any(speaker_id != step.target for speaker_id in found.values()):
            raise UndoError("Some of the voices have been given to somebody else since: correct them one by one.")
        await self._check_speaker(step.source)
        await changes.assign_participants(self.session, step.target, step.source, list(found))
        self._touch(step.source, step.target)
        self.participants |= found.keys()
        self.done += bool(found)
        self.gone += not found

    async def _restore_profiles(self, step: ProfilesReplaced) -> None:
        if not await speakers.speaker_exists(self.session, step.speaker):
            return
        await changes.delete_profiles(self.session, step.speaker)
        await changes.insert_profiles(self.session, step.rows)
        self._touch(step.speaker)
        self.has_profiles = True

    async def _restore_speakers(self, step: SpeakersRemoved) -> None:
        for speaker in step.speakers:
            await self._check_name(speaker.name)
            self._touch(speaker.id)
        await changes.insert_speakers(self.session, step.speakers)
        await changes.insert_voiceprints(self.session, step.rows.voiceprints)
        await changes.insert_profiles(self.session, step.rows.emotion_profiles)
        await distinct_speakers.add_all(self.session, step.rows.distinct)
        await distinct_speakers.remove_all(self.session, step.rows.passed_on)
        self.done += 1

    async def _move_back(self, step: SegmentMoved) -> None:
        segment = await self._segment(step.segment)
        if segment is None:
            return
        if segment.participant_id != step.target:
            raise UndoError("The line has been given to somebody else since: identify it instead.")
        await self._restore_participants(step.rows)
        await changes.move_segment(self.session, step.segment, step.source)
        self.participants.add(step.source)

    async def _unconfirm(self, step: SegmentConfirmed) -> None:
        if await self._segment(step.segment) is None:
            return
        await self._restore_participants(step.rows)
        await changes.set_confidence(self.session, step.segment, step.confidence, is_misidentified=step.is_misidentified)

    async def _segment(self, segment_id: int) -> SegmentIdentity | None:
        found = await changes.segment_identity(self.session, segment_id)
        self.done += found is not None
        self.gone += found is None
        return found

    async def _restore_participants(self, copies: Sequence[ParticipantCopy]) -> None:
        for copy in copies:
            await self._check_speaker(copy.speaker_id)
            self._touch(copy.speaker_id)
        await changes.restore_participants(self.session, copies)

    async def _check_name(self, name: str, besides: int | None = None) -> None:
        try:
            await speakers.check_free(self.session, name, besides)
        except speakers.NameTakenError as error:
            raise UndoError(f"There is another {name} by now: rename that speaker first.") from error

    async def _check_speaker(self, speaker_id: int | None) -> None:
        if speaker_id is not None and not await speakers.speaker_exists(self.session, speaker_id):
            raise UndoError("Somebody who was part of it has been deleted since.")

    def _touch(self, *speaker_ids: int | None) -> None:
        self.speakers |= {speaker_id for speaker_id in speaker_ids if speaker_id is not None}
