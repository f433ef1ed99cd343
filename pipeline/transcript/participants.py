"""The speakers of a recording: what they are called in it, and whose voice to take from where."""

from collections.abc import Container, Sequence
from itertools import count

from pipeline.types import Diarization, Span, Turn

ENOUGH = 30.0
"""Seconds of clean speech that a voiceprint is made from; a voice is no better known from more."""
SHORTEST = 0.5
"""Seconds. Shorter pieces are mostly edges of other people's turns."""


def free_label(taken: Container[str]) -> str:
    """A label for one more, which continues the diarizer's."""
    return next(label for label in (f"SPEAKER_{number:02d}" for number in count()) if label not in taken)


def speech(turns: Sequence[Turn], label: str) -> float:
    """Seconds that `label` speaks, overlapped speech included."""
    return sum(turn.end - turn.start for turn in turns if turn.speaker == label)


def clean_speech(diarization: Diarization, label: str) -> list[Span]:
    """Where `label` speaks and nobody else does: the longest pieces, up to `ENOUGH` seconds, in order of time.

    Empty where no piece is as long as `SHORTEST`.
    """
    others = sorted((turn.start, turn.end) for turn in diarization.turns if turn.speaker != label)
    pieces: list[Span] = []
    for turn in diarization.turns:
        if turn.speaker == label:
            pieces += _without(Span(turn.start, turn.end), others)
    chosen: list[Span] = []
    total = 0.0
    for piece in sorted(pieces, key=lambda piece: -piece.duration):
        if total >= ENOUGH or piece.duration < SHORTEST:
            break
        chosen.append(Span(piece.start, min(piece.end, piece.start + ENOUGH - total)))
        total += chosen[-1].duration
    return sorted((piece for piece in chosen if piece.duration >= SHORTEST), key=lambda piece: piece.start)


def _without(span: Span, others: Sequence[tuple[float, float]]) -> list[Span]:
    """What is left of `span` outside `others`, which are sorted."""
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
