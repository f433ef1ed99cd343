"""Split, join and delete segments. Voices and emotions of new segments are computed before their transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.transcript import segment_edits
from pipeline.transcript.word_times import joined, retime
from pipeline.types import Span, Word
from services.editing.errors import EditError
from services.errors import SegmentNotFoundError
from services.identity import emotion_refresh
from services.policy import ReadPolicy
from storage.editing import originals, rows
from storage.editing.steps import SegmentCopy, SegmentsReplaced

MAX_JOINED_S = 120.0
"""Of a segment that is joined: the models take it as a whole."""
CHANGED = "The segment has another text by now: read it again."


async def read(session: AsyncSession, conversation_id: int, segment_id: int, expected_text: str | None = None) -> SegmentCopy:
    """Raises SegmentNotFoundError, and EditError where the segment has another text than `expected_text`."""
    found = (await rows.copies(session, conversation_id, [segment_id])).get(segment_id)
    if found is None:
        raise SegmentNotFoundError
    if expected_text is not None and found.text != expected_text:
        raise EditError(CHANGED)
    return found


def parts(segment: SegmentCopy, at: int, second_id: int, following: SegmentCopy | None) -> list[SegmentCopy]:
    """The two parts of a segment, without voices and emotions; the second begins with word `at`. Raises EditError."""
    span = Span(segment.start_offset, segment.end_offset)
    words = segment.words or retime(segment.text, (), span)
    try:
        first, second = segment_edits.split(words, span, at)
    except ValueError as error:
        raise EditError(str(error)) from error
    end = segment.position + 1 if following is None else following.position
    place = {"id": second_id, "position": segment_edits.between(segment.position, end), "originals": _sources(segment)}
    label = segment.label and segment.label.model_copy(update={"segment_id": second_id})
    return [_made(segment, *first), _made(segment.model_copy(update=place | {"label": label}), *second)]


def joined_segment(first: SegmentCopy, second: SegmentCopy) -> SegmentCopy:
    """Two segments as one, without voice and emotion; it has the id of the first."""
    longer, shorter = (first, second) if first.duration >= second.duration else (second, first)
    corrected = longer if longer.emotion_corrected or not shorter.emotion_corrected else shorter
    emotion = {name: getattr(corrected, name) for name in SegmentCopy.model_fields if name.startswith("emotion_")}
    span = Span(min(first.start_offset, second.start_offset), max(first.end_offset, second.end_offset))
    values: dict[str, object] = {
        "language": longer.language,
        "avg_logprob": longer.avg_logprob,
        "overlap": first.overlap or second.overlap,
        "is_misidentified": first.is_misidentified or second.is_misidentified,
        "originals": sorted({*_sources(first), *_sources(second)}),
    }
    words = segment_edits.join(_words(first), _words(second))
    return _made(first.model_copy(update=values | emotion), span, words)


async def check_joinable(session: AsyncSession, first: SegmentCopy, second: SegmentCopy | None) -> SegmentCopy:
    """The second segment. Raises EditError where it cannot be joined with the first."""
    if second is None:
        raise EditError("There is no segment after this one.")
    if first.channel != second.channel:
        raise EditError("The next segment is of another channel of the recording: segments of two are not joined.")
    speaker = await rows.speaker_of(session, [first.participant_id, second.participant_id])
    same = speaker[first.participant_id] is not None and speaker[first.participant_id] == speaker[second.participant_id]
    if first.participant_id != second.participant_id and not same:
        raise EditError("The next segment has another speaker: identify one of them first, or delete one.")
    if max(first.end_offset, second.end_offset) - first.start_offset > MAX_JOINED_S:
        raise EditError(f"The segment would be longer than {MAX_JOINED_S:.0f} s.")
    return second


async def replace(
    session: AsyncSession, read_policy: ReadPolicy, before: Mapping[int, SegmentCopy], after: Mapping[int, SegmentCopy]
) -> SegmentsReplaced:
    """Store segments in place of others, and all that follows from it; returns the step for the history.

    The caller holds `speakers.lock` and `segments.lock`.
    """
    await originals.keep(session, list(before))
    await rows.replace(session, before, after)
    await refresh_emotions(session, read_policy, [*before.values(), *after.values()])
    now = await rows.copies(session, next(iter(before.values())).conversation_id, list(after))
    return SegmentsReplaced(before=list(before.values()), after=[now[id_] for id_ in after])


async def refresh_emotions(session: AsyncSession, read_policy: ReadPolicy, segments: Sequence[SegmentCopy]) -> None:
    """Compute the emotion profiles of the segments' speakers again, and what these decide."""
    speaker_of = await rows.speaker_of(session, sorted({segment.participant_id for segment in segments}))
    speakers = {speaker for speaker in speaker_of.values() if speaker is not None}
    if await emotion_refresh.is_needed(session, speakers, speaker_of):
        await emotion_refresh.refresh(session, await read_policy(session), speakers, speaker_of)


def _made(segment: SegmentCopy, span: Span, words: Sequence[Word]) -> SegmentCopy:
    values: dict[str, object] = {
        "start_offset": span.start,
        "end_offset": span.end,
        "words": tuple(words),
        "text": joined(words),
        "originals": _sources(segment),
        "edited_at": datetime.now(UTC),
    }
    return segment.model_copy(update=values)


def _words(segment: SegmentCopy) -> tuple[Word, ...]:
    return segment.words or retime(segment.text, (), Span(segment.start_offset, segment.end_offset))


def _sources(segment: SegmentCopy) -> list[int]:
    return segment.originals or [segment.id]
