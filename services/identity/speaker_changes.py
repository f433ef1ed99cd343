"""Changes of who speaks, each stored with what it takes to undo it.

A `SpeakerChange` makes the changes of one act of a user, step by step. `save` stores the steps, which
`services.identity.undo` takes back.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.plan import CONFIRMED
from pipeline.types import Voiceprint
from storage.speakers import change_log, changes, distinct_speakers, participants, speakers
from storage.speakers.change_steps import (
    ChangeRecord,
    ChangeStep,
    ParticipantAdded,
    ParticipantsAssigned,
    ParticipantsEnrolled,
    ProfilesReplaced,
    RemovedRows,
    SegmentConfirmed,
    SegmentMoved,
    SpeakerCreated,
    SpeakerRenamed,
    SpeakersRemoved,
    VoiceprintAdded,
    VoiceprintsAssigned,
)
from storage.speakers.distinct_speakers import Pair


class SpeakerChange:
    """One act of a user. The caller holds `speakers.lock`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.steps: list[ChangeStep] = []
        self.participants: set[int] = set()
        """Participants with changed segments; their vectors must be recomputed."""
        self.merged: list[tuple[int, int]] = []
        """Speakers that became one: the deleted speaker, and the one it became."""
        self.notes: list[str] = []
        """The same in words."""

    async def save(self, description: str = "") -> None:
        """Store the steps under `description` and `notes`. Without steps nothing is stored."""
        if self.steps:
            described = "; ".join(([description] if description else []) + self.notes)
            await change_log.add(self.session, described, ChangeRecord(steps=self.steps, merged=self.merged))

    async def create_speaker(self, name: str) -> int:
        speaker_id = await changes.create_speaker(self.session, name)
        self.steps.append(SpeakerCreated(speaker=speaker_id))
        return speaker_id

    async def rename(self, speaker_id: int, name: str) -> None:
        """Raises SpeakerNotFoundError, NameTakenError."""
        former = await speakers.name_of(self.session, speaker_id)
        if former == name:
            return
        await speakers.check_free(self.session, name, besides=speaker_id)
        await changes.rename_speaker(self.session, speaker_id, name)
        self.steps.append(SpeakerRenamed(speaker=speaker_id, former=former, name=name))

    async def give(self, source: int | None, target: int | None, ids: Sequence[int]) -> None:
        """Assign those of the participants that are one speaker's to another."""
        self._given(source, target, await changes.assign_participants(self.session, source, target, ids))

    async def give_all(self, source: int, target: int) -> Sequence[int]:
        """Assign all participants of one speaker to another; returns them."""
        return self._given(source, target, await changes.assign_voices(self.session, source, target))

    def _given(self, source: int | None, target: int | None, moved: Sequence[int]) -> Sequence[int]:
        if moved:
            self.steps.append(ParticipantsAssigned(participants=list(moved), source=source, target=target))
        return moved

    async def enroll(self, ids: Sequence[int], enrolled: bool) -> None:
        """Make the participants references of their speakers, or, with `enrolled` false, no references."""
        changed = await changes.set_enrolled(self.session, ids, enrolled)
        if changed:
            self.steps.append(ParticipantsEnrolled(participants=list(changed), enrolled=enrolled))

    async def add_sample(self, speaker_id: int, voice: Voiceprint, source: str, seconds: float | None = None) -> None:
        added = await changes.add_voiceprint(self.session, speaker_id, voice, source, seconds)
        self.steps.append(VoiceprintAdded(voiceprint=added))

    async def give_samples(self, source: int, target: int) -> None:
        """Assign the enrolled and imported voiceprints of one speaker to another."""
        moved = await changes.assign_voiceprints(self.session, source, target)
        if moved:
            self.steps.append(VoiceprintsAssigned(voiceprints=list(moved), source=source, target=target))

    async def note_profiles(self, speaker_id: int) -> None:
        """Store the emotion profiles of a speaker. Call it before they change."""
        found = await changes.copy_profiles(self.session, [speaker_id])
        self.steps.append(ProfilesReplaced(speaker=speaker_id, rows=found))

    async def remove(self, speaker_ids: Sequence[int], passed_on: Sequence[Pair] = ()) -> Sequence[int]:
        """Delete speakers with voiceprints and profiles; returns the participants that have no speaker afterwards.

        `passed_on`: pairs of different people that were added for the speaker that the deleted one became.
        """
        orphans: list[int] = []
        for speaker_id, ids in (await changes.participants_of(self.session, speaker_ids)).items():
            self.steps.append(ParticipantsAssigned(participants=ids, source=speaker_id, target=None))
            orphans += ids
        if orphans:
            await changes.unassign_participants(self.session, speaker_ids)
        removed = SpeakersRemoved(
            speakers=await changes.copy_speakers(self.session, speaker_ids),
            rows=RemovedRows(
                voiceprints=await changes.copy_voiceprints(self.session, speaker_ids),
                emotion_profiles=await changes.copy_profiles(self.session, speaker_ids),
                distinct=await distinct_speakers.pairs_of(self.session, speaker_ids),
                passed_on=list(passed_on),
            ),
        )
        await changes.delete_speakers(self.session, speaker_ids)
        self.steps.append(removed)
        return orphans

    async def move(self, segment_id: int, target: int) -> None:
        """Move a segment to another participant of its conversation. The one it leaves is deleted if nothing is left of it."""
        segment = await self._segment(segment_id)
        source = segment.participant_id
        copies = await changes.copy_participants(self.session, [source, target])
        self.steps.append(SegmentMoved(segment=segment_id, source=source, target=target, rows=copies))
        await changes.move_segment(self.session, segment_id, target)
        await participants.add_speech(self.session, source, -segment.duration)
        await participants.add_speech(self.session, target, segment.duration)
        self.participants |= {source, target}
        if await changes.delete_unused_participant(self.session, source):
            self.participants.discard(source)

    async def add_participant(self, conversation_id: int, speaker_id: int | None, *, enrolled: bool) -> int:
        added = await participants.add(self.session, conversation_id, speaker_id, enrolled=enrolled)
        self.steps.append(ParticipantAdded(participant=added))
        return added

    async def confirm(self, segment_id: int) -> None:
        """Record that a person identified the speaker of the segment."""
        former = await self._segment(segment_id)
        copies = []
        if former.is_misidentified:
            copies = await changes.copy_participants(self.session, [former.participant_id])
            self.participants.add(former.participant_id)
        await changes.set_confidence(self.session, segment_id, CONFIRMED, is_misidentified=False)
        self.steps.append(
            SegmentConfirmed(
                segment=segment_id, confidence=former.confidence, is_misidentified=former.is_misidentified, rows=copies
            )
        )

    async def recompute(self) -> None:
        """Recompute the vectors of the participants with changed segments."""
        await participants.recompute(self.session, sorted(self.participants))

    async def _segment(self, segment_id: int) -> changes.SegmentIdentity:
        found = await changes.segment_identity(self.session, segment_id)
        assert found is not None, "The caller has read the segment in this transaction."
        return found
