"""Diarization errors against a reference that may count more than words as speech."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engines.diarization_errors import diarization_error_rate, diarization_errors
from pipeline.types import Span, Turn


@dataclass(frozen=True, slots=True)
class Reference:
    turns: tuple[Turn, ...]
    """All that counts as speech in the strict error rate: also laughter, breath or silence within an utterance."""
    words: tuple[Turn, ...] | None = None
    """The turns in which there are words; None where they are not known."""

    def strict(self, found: Sequence[Turn], duration: float) -> float:
        return diarization_error_rate(self.turns, found, duration=duration)

    def words_only(self, found: Sequence[Turn], duration: float) -> float | None:
        """The error rate against the words; where the strict reference has speech without words, nothing is scored."""
        if self.words is None:
            return None
        within = [Turn(turn.start, min(turn.end, duration), turn.speaker) for turn in self.words if turn.start < duration]
        without_words = _minus(_joined(self.turns), _joined(within))
        return diarization_errors(within, found, _minus([Span(0.0, duration)], without_words)).rate


def _joined(turns: Iterable[Turn]) -> list[Span]:
    """Where there is speech."""
    found: list[Span] = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        if found and turn.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, turn.end))
        else:
            found.append(Span(turn.start, turn.end))
    return found


def _minus(spans: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """The parts of `spans` outside `others`; both are in order, and none of a list overlap."""
    left: list[Span] = []
    for span in spans:
        position = span.start
        for other in others:
            if other.end <= position or other.start >= span.end:
                continue
            if other.start > position:
                left.append(Span(position, other.start))
            position = other.end
        if position < span.end:
            left.append(Span(position, span.end))
    return left
