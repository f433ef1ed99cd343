"""Undo and redo changes of transcripts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.access import audit
from storage.editing import change_log, originals, segments
from storage.editing.change_log import EditSummary, LoggedEdit
from storage.editing.steps import TextVersion
from storage.speakers import speakers

UNREADABLE = "The change was stored by another version of this program, which this one cannot read."
CHANGED_SINCE = "A segment that it was about has been changed or replaced since."


class EditError(RuntimeError):
    """The transcript cannot be changed so; the message says why."""


async def undo(session: AsyncSession, conversation_id: int) -> tuple[EditSummary, Sequence[int]]:
    """Undo the last change that holds; returns it, and the segments that are different now.

    Raises LookupError where there is no conversation, EditError where nothing is left to undo, or where something later
    depends on the change; nothing is changed then.
    """
    change = await _find(session, conversation_id, change_log.last_done)
    if change is None:
        raise EditError("There is no change of this transcript left to undo.")
    await _replace(session, conversation_id, {step.segment: (step.after, step.before) for step in change.record.steps})
    return await _mark(session, conversation_id, change, undone=True)


async def redo(session: AsyncSession, conversation_id: int) -> tuple[EditSummary, Sequence[int]]:
    """Make the change again that was undone last; returns and raises what `undo` does."""
    change = await _find(session, conversation_id, change_log.first_undone)
    if change is None:
        raise EditError("No change of this transcript was undone, or another was made since.")
    await originals.keep(session, [step.segment for step in change.record.steps])
    await _replace(session, conversation_id, {step.segment: (step.before, step.after) for step in change.record.steps})
    return await _mark(session, conversation_id, change, undone=False)


async def _find(
    session: AsyncSession,
    conversation_id: int,
    find: Callable[[AsyncSession, int], Awaitable[LoggedEdit | None]],
) -> LoggedEdit | None:
    await speakers.lock(session)
    await segments.lock(session, conversation_id)
    try:
        return await find(session, conversation_id)
    except ValidationError as error:
        raise EditError(UNREADABLE) from error


async def _replace(
    session: AsyncSession, conversation_id: int, versions: Mapping[int, tuple[TextVersion, TextVersion]]
) -> None:
    """Replace the texts of segments, by id: the present one, and the one that they get."""
    present = await segments.get(session, conversation_id, list(versions))
    for segment_id, (expected, _) in versions.items():
        if segment_id not in present or present[segment_id].text != expected.text:
            raise EditError(CHANGED_SINCE)
    await segments.set_texts(session, {segment_id: version for segment_id, (_, version) in versions.items()})
    await originals.forget(session, [segment_id for segment_id, (_, version) in versions.items() if version.originals is None])


async def _mark(
    session: AsyncSession, conversation_id: int, change: LoggedEdit, *, undone: bool
) -> tuple[EditSummary, Sequence[int]]:
    action = "conversation.undo" if undone else "conversation.redo"
    await audit.record(session, action, f"conversation:{conversation_id}")
    summary = await change_log.mark(session, change.id, change.record, undone=undone)
    return summary, [step.segment for step in change.record.steps]
