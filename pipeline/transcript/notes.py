"""Notes on a conversation: what a transcript leaves out, and what of the request could not be done."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.faults import Fault
from pipeline.transcript.hallucinations import reason_to_leave_out, repeated, words_in
from pipeline.types import Note, NoteKind, Segment, Span, SpeakerHint, Turn

MAX_QUOTED_CHARACTERS = 300
"""Of the text that was left out: a loop of the decoder may fill a window."""


NOT_UNDERSTOOD = "Somebody seems to speak here, but no words could be made out: the transcriber wrote none, or was unsure."

TIME_ERROR_S = 1.0
"""Between words and turns: each is off by some tenths of a second, and words by more than that at a pause."""

MIN_VOICE_S = 1.0
"""Seconds of turns in a part without words from which it gets a note; people laugh and sigh, too."""


def without_hallucinations(
    segments: Sequence[Segment], turns: Sequence[Turn] | None, hotwords: Sequence[str] = ()
) -> tuple[list[Segment], list[Note]]:
    """The segments that were spoken, and a note on each of the others.

    Args:
        turns: The diarizer's; None where it has not processed the sound.
        hotwords: The words that the transcriber expected.
    """
    expected = words_in(hotwords)
    kept: list[Segment] = []
    notes: list[Note] = []
    repetitions = repeated([segment.text for segment in segments])
    for segment, is_repeated in zip(segments, repetitions, strict=True):
        nobody_speaks = turns is not None and not _voice(segment.start - TIME_ERROR_S, segment.end + TIME_ERROR_S, turns)
        reason = reason_to_leave_out(segment, is_repeated=is_repeated, nobody_speaks=nobody_speaks, expected=expected)
        if reason is None:
            kept.append(segment)
        else:
            notes.append(Note("left_out", f"“{_quoted(segment.text)}” was left out: {reason}.", segment.start, segment.end))
    return kept, notes


def not_understood(gaps: Sequence[Span], turns: Sequence[Turn]) -> list[Note]:
    """A note on each part without words in which the diarizer detects a speaker.

    The speech detector found no speech there, or the transcriber, called twice, has written nothing, an improbable text or a
    loop.
    """
    notes = []
    for gap in gaps:
        voice = _voice(gap.start + TIME_ERROR_S, gap.end - TIME_ERROR_S, turns)
        if sum(part.duration for part in voice) >= MIN_VOICE_S:
            notes.append(Note("left_out", NOT_UNDERSTOOD, voice[0].start, voice[-1].end))
    return notes


def unmet_hint(hint: SpeakerHint, found: int) -> Note | None:
    """A note where a recording with speech has another number of speakers than the hint allows."""
    least = hint.num_speakers or hint.min_speakers or 1
    most = hint.num_speakers or hint.max_speakers or found
    if found == 0 or least <= found <= most:
        return None
    wanted = least if found < least else most
    return Note("speakers", f"Speakers asked for: {wanted}; voices that could be told apart: {found}.")


def untranscribed(window: Span, fault: Fault) -> Note:
    return _failed("left_out", "What is said here was left out, as it could not be transcribed", window, fault)


def unseparated(part: Span, fault: Fault) -> Note:
    return _failed("speakers", "The speakers could not be told apart here", part, fault)


def unrecognized_voice(spoken: Span, fault: Fault) -> Note:
    return _failed("speakers", "A voice could not be recognized", spoken, fault)


def without_emotion(spoken: Span, fault: Fault) -> Note:
    return _failed("left_out", "The emotion could not be recognized", spoken, fault)


def _failed(kind: NoteKind, what: str, where: Span, fault: Fault) -> Note:
    return Note(kind, f"{what}: {fault.reason}", where.start, where.end)


def in_order(notes: Iterable[Note]) -> list[Note]:
    """By time; those on all of the recording first."""
    return sorted(notes, key=lambda note: -1.0 if note.start is None else note.start)


def shifted_note(note: Note, by: float) -> Note:
    """The same note `by` seconds later."""
    if note.start is None or note.end is None:
        return note
    return replace(note, start=note.start + by, end=note.end + by)


def _voice(start: float, end: float, turns: Sequence[Turn]) -> list[Span]:
    """The times of speech between `start` and `end`, in order, without overlaps."""
    parts: list[Span] = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        part = Span(max(turn.start, start, parts[-1].end if parts else start), min(turn.end, end))
        if part.duration > 0:
            parts.append(part)
    return parts


def _quoted(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "…"
