"""Undo and redo changes of transcripts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.access import audit
from services.editing import segment_edits
from services.editing.errors import EditError
from services.policy import ReadPolicy
from storage.change_summary import ChangeSummary
from storage.editing import change_log, originals, rows, segments
from storage.editing.change_log import LoggedEdit
from storage.editing.steps import EditRecord, EditStep, SegmentCopy, SegmentsReplaced, TextsChanged, TextVersion
from storage.speakers import speakers

IDENTITY = ("participant_id", "confidence", "is_misidentified")
EMOTION = (
    *("emotion_category", "emotion_confidence", "emotion_corrected", "emotion_corrected_at"),
    *("emotion_misidentified", "emotion_learned"),
)
VOICE_GONE = "The voice of a segment that it was about is gone from the conversation."
UNREADABLE = "The change was stored by another version of this program, which this one cannot read."
CHANGED_SINCE = "A segment that it was about has been changed or replaced since."


@dataclass(frozen=True, slots=True)
class Replayed:
    """A change that was undone or repeated, and the segments that are different, or gone, by it."""

    change: ChangeSummary
    present: Sequence[int]
    gone: Sequence[int]


async def undo(session: AsyncSession, conversation_id: int, read_policy: ReadPolicy, expected: int | None = None) -> Replayed:
    """Undo the last change that holds. The policy is read only where emotions have to be detected again.

    Who speaks the segments stays as it is. Raises LookupError where there is no conversation, EditError where nothing is left
    to undo, where the change is not the `expected` one, or where something later depends on it; nothing is changed then.
    """
    change = await _find(session, conversation_id, change_log.last_done)
    if change is None:
        raise EditError("There is no change of this transcript left to undo.")
    if expected not in (None, change.id):
        raise EditError("The transcript was changed since: undo that first.")
    replay = _Replay(session, conversation_id, read_policy)
    steps = [await replay.undo(step) for step in reversed(change.record.steps)][::-1]
    await audit.record(session, "conversation.undo", f"conversation:{conversation_id}")
    summary = await change_log.mark(session, change.id, EditRecord(steps=steps), undone=True)
    return Replayed(summary, sorted(replay.present), sorted(replay.gone))


async def redo(session: AsyncSession, conversation_id: int, read_policy: ReadPolicy) -> Replayed:
    """Make the change again that was undone last; returns and raises what `undo` does."""
    change = await _find(session, conversation_id, change_log.first_undone)
    if change is None:
        raise EditError("No change of this transcript was undone, or another was made since.")
    replay = _Replay(session, conversation_id, read_policy)
    steps = [await replay.redo(step) for step in change.record.steps]
    await audit.record(session, "conversation.redo", f"conversation:{conversation_id}")
    summary = await change_log.mark(session, change.id, EditRecord(steps=steps), undone=False)
    return Replayed(summary, sorted(replay.present), sorted(replay.gone))


async def _find(
    session: AsyncSession, conversation_id: int, find: Callable[[AsyncSession, int], Awaitable[LoggedEdit | None]]
) -> LoggedEdit | None:
    await speakers.lock(session)
    await segments.lock(session, conversation_id)
    try:
        return await find(session, conversation_id)
    except ValidationError as error:
        raise EditError(UNREADABLE) from error


class _Replay:
    """Each method returns the step with the segments as they are before it: what the opposite direction restores."""

    def __init__(self, session: AsyncSession, conversation_id: int, read_policy: ReadPolicy) -> None:
        self.session = session
        self.conversation_id = conversation_id
        self.read_policy = read_policy
        self.present: set[int] = set()
        self.gone: set[int] = set()

    async def undo(self, step: EditStep) -> EditStep:
        match step:
            case TextsChanged():
                await self._set_texts(step.after, step.before)
                return step
            case SegmentsReplaced():
                return SegmentsReplaced(before=step.before, after=await self._replace(step.after, step.before))
            case _:
                assert_never(step)

    async def redo(self, step: EditStep) -> EditStep:
        match step:
            case TextsChanged():
                await originals.keep(self.session, list(step.before))
                await self._set_texts(step.before, step.after)
                return step
            case SegmentsReplaced():
                await originals.keep(self.session, [segment.id for segment in step.before])
                return SegmentsReplaced(before=await self._replace(step.before, step.after), after=step.after)
            case _:
                assert_never(step)

    async def _set_texts(self, former: Mapping[int, TextVersion], latter: Mapping[int, TextVersion]) -> None:
        now = await segments.texts(self.session, self.conversation_id, list(former))
        if any(id_ not in now or now[id_].text != version.text for id_, version in former.items()):
            raise EditError(CHANGED_SINCE)
        await segments.set_texts(self.session, latter)
        await originals.forget(self.session, [id_ for id_, version in latter.items() if version.originals is None])
        self.present |= latter.keys()

    async def _replace(self, former: Sequence[SegmentCopy], latter: Sequence[SegmentCopy]) -> list[SegmentCopy]:
        """Store the latter in place of the former; returns the former as they are before."""
        concerned = {segment.id for segment in (*former, *latter)}
        now = await rows.copies(self.session, self.conversation_id, sorted(concerned))
        if now.keys() != {segment.id for segment in former} or any(
            (now[s.id].text, now[s.id].start_offset, now[s.id].end_offset) != (s.text, s.start_offset, s.end_offset)
            for s in former
        ):
            raise EditError(CHANGED_SINCE)
        stored = {segment.id: self._kept(segment, now.get(segment.id)) for segment in latter}
        people = {segment.participant_id for segment in stored.values()}
        if people - (await rows.speaker_of(self.session, sorted(people))).keys():
            raise EditError(VOICE_GONE)
        await rows.replace(self.session, now, stored)
        await segment_edits.refresh_emotions(self.session, self.read_policy, [*now.values(), *stored.values()])
        await originals.forget(self.session, [id_ for id_, segment in stored.items() if segment.originals is None])
        self.present |= stored.keys()
        self.gone |= now.keys() - stored.keys()
        return [now[segment.id] for segment in former]

    def _kept(self, segment: SegmentCopy, now: SegmentCopy | None) -> SegmentCopy:
        """The segment with later corrections of the speaker and the emotion."""
        if now is None:
            return segment
        names = IDENTITY + (EMOTION if now.emotion_corrected else ())
        return segment.model_copy(update={name: getattr(now, name) for name in names})
