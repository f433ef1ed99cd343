"""The participants of a recording: their labels, and the speech to compute their voiceprints from."""

from collections.abc import Container, Sequence
from itertools import count

from pipeline.types import Diarization, Span, Turn

MAX_CLEAN_SPEECH_S = 30.0
"""Clean speech that a voiceprint is computed from; more does not improve it."""
MIN_PIECE_S = 0.5
"""Shorter pieces are mostly edges of other speakers' turns."""


def free_label(taken: Container[str]) -> str:
    """The first label that is not taken, numbered as the diarizer's are."""
    return next(label for label in (f"SPEAKER_{number:02d}" for number in count()) if label not in taken)


def speech_seconds(turns: Sequence[Turn], label: str) -> float:
    """The duration of the speaker's turns, overlapped speech included."""
    return sum(turn.end - turn.start for turn in turns if turn.speaker == label)


def clean_speech(diarization: Diarization, label: str) -> list[Span]:
    """The longest pieces in which only `label` speaks, up to `MAX_CLEAN_SPEECH_S` in all, in order of time.

    Empty where no piece is as long as `MIN_PIECE_S`.
    """
    others = sorted((turn.start, turn.end) for turn in diarization.turns if turn.speaker != label)
    pieces: list[Span] = []
    for turn in diarization.turns:
        if turn.speaker == label:
            pieces += _without(Span(turn.start, turn.end), others)
    chosen: list[Span] = []
    total = 0.0
    for piece in sorted(pieces, key=lambda piece: -piece.duration):
        if total >= MAX_CLEAN_SPEECH_S or piece.duration < MIN_PIECE_S:
            break
        chosen.append(Span(piece.start, min(piece.end, piece.start + MAX_CLEAN_SPEECH_S - total)))
        total += chosen[-1].duration
    return sorted((piece for piece in chosen if piece.duration >= MIN_PIECE_S), key=lambda piece: piece.start)


def _without(span: Span, others: Sequence[tuple[float, float]]) -> list[Span]:
    """The parts of `span` outside `others`, which are sorted."""
    left: list[Span] = []
    position = span.start
    for start, end in others:
        if start >= span.end:
            break
        if start > position:
            left.append(Span(position, start))
        position = max(position, end)
    if position < span.end:
        left.append(Span(position, span.end))
    return left
