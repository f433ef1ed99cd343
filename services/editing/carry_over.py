"""Keep what people changed in a transcript when its recording is processed again.

`pipeline.transcript.kept_edits` decides what is kept. The history of changes ends there: its segments are gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.transcript import kept_edits
from pipeline.transcript.kept_edits import KeptEdit, Stretch
from pipeline.types import ConversationSegment, Segment, Span, Transcript
from storage.conversations import segments as stored
from storage.conversations import transcripts
from storage.editing import change_log, originals, rows, segments
from storage.editing.originals import KeptOriginal, Original


@dataclass(frozen=True, slots=True)
class KeptEdits:
    transcript: Transcript
    """The new transcript with the changes, and with notes on those that could not be kept."""
    segments: Sequence[Segment | KeptEdit]
    """Its segments, and those that are deleted, in order."""


async def keep(session: AsyncSession, conversation_id: int, transcript: Transcript) -> KeptEdits:
    """Apply the changes of the stored transcript to the one that replaces it. Raises LookupError where it is gone."""
    await transcripts.lock_conversation(session, conversation_id)
    former = await originals.of_conversation(session, conversation_id)
    if not former:
        return KeptEdits(transcript, transcript.segments)
    present = {segment.id: segment for segment in await stored.of_conversation(session, conversation_id)}
    stretches = [_stretch(group, present) for group in _groups(former)]
    kept = await asyncio.to_thread(kept_edits.keep, transcript.segments, stretches)
    content = [each.segment if isinstance(each, KeptEdit) else each for each in kept.segments]
    changed = tuple(segment for segment in content if segment is not None)
    return KeptEdits(replace(transcript, segments=changed, notes=(*transcript.notes, *kept.notes)), kept.segments)


async def store(session: AsyncSession, conversation_id: int, kept: KeptEdits) -> None:
    """Store the originals of the changed segments, after the transcript."""
    await change_log.clear(session, [conversation_id])
    ids = iter(await segments.all_texts(session, conversation_id))
    found: list[KeptOriginal] = []
    edited = {}
    for segment in kept.segments:
        is_deleted = isinstance(segment, KeptEdit) and segment.segment is None
        id_ = await rows.new_id(session) if is_deleted else next(ids)
        if isinstance(segment, KeptEdit):
            was = segment.original
            found.append(KeptOriginal(id_, was.start, was.end, was.text, was.words))
            if not is_deleted:
                edited[id_] = segment.edited_at
    await originals.replace(session, conversation_id, found)
    await segments.mark_edited(session, edited)


def _groups(former: Sequence[Original]) -> list[list[Original]]:
    """Originals that present segments have in common, together; in order of time."""
    groups: list[list[Original]] = []
    group_of: dict[int, list[Original]] = {}
    for original in former:
        joined = next((group_of[id_] for id_ in original.segments if id_ in group_of), None)
        if joined is None:
            joined = []
            groups.append(joined)
        joined.append(original)
        group_of |= dict.fromkeys(original.segments, joined)
    return groups


def _stretch(group: Sequence[Original], present: Mapping[int, ConversationSegment]) -> Stretch:
    ids = {id_ for original in group for id_ in original.segments}
    made = sorted((present[id_] for id_ in ids), key=lambda segment: segment.start_offset)
    return Stretch(
        span=Span(group[0].start_offset, max(original.end_offset for original in group)),
        original=tuple(word for original in group for word in original.words or ()),
        edited=tuple(word for segment in made for word in segment.words or ()),
        edited_at=max((segment.edited_at for segment in made if segment.edited_at is not None), default=None),
        is_divided=bool(made) and len(made) != len(group),
    )
