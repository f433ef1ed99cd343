"""The tool that corrects the text of transcripts."""

from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from pipeline.transcript.replacement import Replacement
from services.editing.replacing import Replaced
from services.editing.transcript_editor import MAX_TEXT_CHARS, MAX_WORDS_CHARS, Edit

SHOWN = 50
"""Segments in the result."""
WHICH = "Give segment_id and text, or find and replace, or undo=true."

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Words = Annotated[str, Field(max_length=MAX_WORDS_CHARS)]


async def correct_transcript(
    ctx: Work,
    conversation_id: arg.ConversationId,
    segment_id: arg.MaybeSegmentId = None,
    text: Text = "",
    find: Words = "",
    replace: Words = "",
    whole_words: bool = False,
    dry_run: Annotated[bool, Field(description="Only show the replacement.")] = True,
    undo: bool = False,
) -> results.CorrectedText:
    """Correct misheard words: set the text of a segment, or replace words in a conversation; undo takes back the last
    correction."""
    if [segment_id is not None, bool(find.strip()), undo].count(True) != 1:
        raise ToolError(WHICH)
    with work(ctx) as backend:
        if undo:
            done = await backend.editor.undo(conversation_id)
            return _edited(done, f"Undone: {done.change.description}." if done.change else "Nothing was undone.")
        if segment_id is not None:
            done = await backend.editor.set_text(conversation_id, segment_id, text)
            return _edited(done, "Text changed." if done.change else "The segment has this text already.")
        replacement = Replacement(find, replace, match_case=False, whole_words=whole_words)
        return _replaced(await backend.editor.replace(conversation_id, replacement, dry_run=dry_run), dry_run)


def _edited(edit: Edit, message: str) -> results.CorrectedText:
    shown = [results.TextOfSegment(id=segment.id, text=segment.text) for segment in edit.segments[:SHOWN]]
    return results.CorrectedText(message=" ".join([message, *edit.notes]), segments=shown)


def _replaced(found: Replaced, dry_run: bool) -> results.CorrectedText:
    number = f"{found.matches} place(s) in {len(found.segments)} segment(s)"
    message = f"{number} would change; dry_run=false changes them." if dry_run else f"{number} changed."
    if not found.matches:
        message = "The words were not found."
    shown = [results.TextOfSegment(id=one.id, text=one.after, before=one.before) for one in found.segments[:SHOWN]]
    return results.CorrectedText(message=" ".join([message, *found.notes]), segments=shown)
