"""Whose voice a line is, as somebody says who listened.

A line of an unknown voice names that voice everywhere, in all conversations, those to come included: the speaker is renamed,
or becomes the known one. A line of somebody who has a name is a mistake in that line alone, and moves to another participant
of its conversation. Either way participants and speakers change, and of the lines none but this one. Each act can be undone
(`services.identity.undo`).
"""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import is_unknown
from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Vector
from services.identity import emotion_refresh, unknown_speakers
from services.identity.merging import merge
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import participants, speakers
from storage.tables import Conversation, ParticipantRow, SegmentRow, Speaker


class SegmentNotFoundError(LookupError):
    """The conversation has no such line."""

    def __init__(self) -> None:
        super().__init__("Segment not found")


class IdentificationError(ValueError):
    """What was asked for contradicts itself; says how."""


@dataclass(frozen=True, slots=True)
class Identification:
    speaker_id: int
    speaker_name: str
    created: bool
    """The speaker had no name before."""
    enrolled: bool
    """The voice is a reference of the speaker now."""
    segments_updated: int
    """Lines that have another speaker, or another name, this one included."""


@dataclass(frozen=True, slots=True)
class Mark:
    is_misidentified: bool
    embedding_recalculated: bool
    """The voice of its participant is another without this line, or with it."""


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    conversation_id: int
    participant_id: int
    speaker_id: int | None
    speaker_name: str | None

    @property
    def is_unknown(self) -> bool:
        return self.speaker_name is None or is_unknown(self.speaker_name)


async def identify(
    session: AsyncSession,
    policy: IdentityPolicy,
    conversation_id: int,
    segment_id: int,
    *,
    speaker_id: int | None = None,
    speaker_name: str | None = None,
    enroll: bool = True,
    only_this: bool = False,
) -> Identification:
    """Say whose line this is: an existing speaker's, by id or name, or somebody's who gets this name now.

    With `enroll` false the voice does not become a reference of the (existing) speaker; with `only_this` not even an unknown
    voice is named elsewhere. Raises SegmentNotFoundError, SpeakerNotFoundError, IdentificationError.
    """
    await speakers.lock(session)
    line = await _line(session, conversation_id, segment_id)
    target = await _target(session, speaker_id, speaker_name)
    if target is None and not speaker_name:
        raise IdentificationError("speaker_name required for new speaker")
    if target is None and not enroll:
        raise IdentificationError("Must enroll new speaker (enroll=True)")
    edit = SpeakerChange(session)
    created = target is None
    concerned = await unknown_speakers.merge_candidates(
        session, policy, await _evidence(session, policy, line) if enroll and target else []
    )
    if line.speaker_id is not None and line.speaker_id == target:
        updated = 1
        if enroll:
            await edit.enroll([line.participant_id], enrolled=True)
    elif line.is_unknown and not only_this:
        target, updated = await _name_voice(edit, policy, line, target, speaker_name or "", enroll)
    else:
        target, updated = await _move(edit, line, target, speaker_name or "", enroll), 1
    await edit.confirm(segment_id)
    await edit.recompute()
    if only_this and line.speaker_id is not None and (gone := await speakers.orphaned(session, [line.speaker_id])):
        await edit.remove(gone)
    await _feel(edit, policy, line, target)
    await unknown_speakers.merge_certain(edit, policy, concerned | {target})
    name = await speakers.name_of(session, target)
    await edit.save(f"A line of {line.speaker_name or 'an unknown voice'} was identified as {name}")
    enrolled = await _is_reference(session, segment_id)
    return Identification(target, name, created, enrolled, updated)


async def mark_misidentified(
    session: AsyncSession, policy: IdentityPolicy, conversation_id: int, segment_id: int, is_misidentified: bool
) -> Mark:
    """Say that a line is not its speaker's voice, or that it is; what the speaker is known by is made anew accordingly.

    Raises SegmentNotFoundError.
    """
    await speakers.lock(session)
    line = await _line(session, conversation_id, segment_id)
    changing = update(SegmentRow).where(SegmentRow.id == segment_id, SegmentRow.is_misidentified != is_misidentified)
    changed = await session.scalar(changing.values(is_misidentified=is_misidentified).returning(SegmentRow.id))
    if changed is None:
        return Mark(is_misidentified, False)
    recalculated = await participants.recompute(session, [line.participant_id])
    if line.speaker_id is not None:
        await emotion_refresh.follow(session, policy, {line.speaker_id}, {line.participant_id})
    return Mark(is_misidentified, bool(recalculated))


async def _name_voice(
    edit: SpeakerChange, policy: IdentityPolicy, line: _Line, target: int | None, name: str, enroll: bool
) -> tuple[int, int]:
    """Name an unknown voice wherever it is heard; returns its speaker now, and how many lines that concerns."""
    of_voice = ParticipantRow.speaker_id == line.speaker_id if line.speaker_id else ParticipantRow.id == line.participant_id
    updated = await speakers.count_segments(edit.session, of_voice)
    if line.speaker_id is not None and target is None:
        await edit.rename(line.speaker_id, name)
        return line.speaker_id, updated
    if line.speaker_id is not None and target is not None:
        await merge(edit, policy, line.speaker_id, target, enrolled=enroll)
        return target, updated
    target = target or await edit.create_speaker(name)
    await edit.give(None, target, [line.participant_id])
    await edit.enroll([line.participant_id], enrolled=enroll)
    return target, updated


async def _move(edit: SpeakerChange, line: _Line, target: int | None, name: str, enroll: bool) -> int:
    """Give this line alone to somebody else in its conversation."""
    target = target or await edit.create_speaker(name)
    there = await participants.of_speaker(edit.session, line.conversation_id, target)
    if there is None:
        there = await edit.add_participant(line.conversation_id, target, enrolled=enroll)
    await edit.move(line.id, there)
    return target


async def _feel(edit: SpeakerChange, policy: IdentityPolicy, line: _Line, target: int) -> None:
    """Emotions after the line, and perhaps all of its voice, has another speaker."""
    people = {target} | ({line.speaker_id} if line.speaker_id is not None else set())
    theirs = {line.participant_id} | edit.participants  # where the line was, and where it has gone
    if await emotion_refresh.learned(edit.session, people, theirs):
        await emotion_refresh.follow(edit.session, policy, people, theirs)


async def _line(session: AsyncSession, conversation_id: int, segment_id: int) -> _Line:
    # Nobody deletes the conversation from under a line that is being moved.
    conversation = select(Conversation.id).where(Conversation.id == conversation_id)
    await session.execute(conversation.with_for_update(key_share=True, read=True))
    columns = (SegmentRow.id, SegmentRow.conversation_id, ParticipantRow.id, ParticipantRow.speaker_id, Speaker.name)
    found = (
        select(*columns)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .where(SegmentRow.id == segment_id, SegmentRow.conversation_id == conversation_id)
    )
    row = (await session.execute(found)).one_or_none()
    if row is None:
        raise SegmentNotFoundError
    return _Line(*row)


async def _target(session: AsyncSession, speaker_id: int | None, name: str | None) -> int | None:
    if speaker_id is not None:
        await speakers.name_of(session, speaker_id)
        return speaker_id
    return await speakers.find(session, name) if name else None


async def _evidence(session: AsyncSession, policy: IdentityPolicy, line: _Line) -> list[Vector]:
    """What the line's voice sounds like, which somebody who was known before is about to be known by."""
    vector = select(ParticipantRow.vector).where(ParticipantRow.id == line.participant_id, ParticipantRow.model == policy.model)
    found = await session.scalar(vector)
    return [] if found is None or not line.is_unknown else [found]


async def _is_reference(session: AsyncSession, segment_id: int) -> bool:
    mine = select(ParticipantRow.enrolled & ParticipantRow.vector.is_not(None)).join(
        SegmentRow, SegmentRow.participant_id == ParticipantRow.id
    )
    return bool(await session.scalar(mine.where(SegmentRow.id == segment_id)))
