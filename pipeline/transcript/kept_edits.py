"""Apply what people changed in a transcript to a new transcript of the same recording, where the words still match."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher

from pipeline.transcript.carry_over import MAX_TIME_DIFFERENCE_S
from pipeline.transcript.notes import MAX_QUOTED_CHARACTERS
from pipeline.transcript.tokens import tokens
from pipeline.transcript.word_times import MAX_COMPARISONS, clean, joined, retime
from pipeline.types import Note, Segment, Span, Word


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments as the program wrote them, and what people made of them. Words are in order of time."""

    span: Span
    original: tuple[Word, ...]
    edited: tuple[Word, ...]
    """Empty where they were deleted."""
    edited_at: datetime | None
    is_divided: bool = False
    """Segments were split or joined."""


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """A new segment with changes of people."""

    original: Segment
    segment: Segment | None
    """None where it is deleted."""
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    segments: Sequence[Segment | KeptEdit]
    """Those of the new transcript, in order."""
    notes: Sequence[Note]
    """What could not be kept."""


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Consecutive words that were replaced by others, in one place."""

    old: Sequence[Word]
    new: Sequence[Word]
    stretch: Stretch


def keep(segments: Sequence[Segment], stretches: Sequence[Stretch]) -> Kept:
    """Apply the changes of `stretches` to new segments.

    A change is kept if the words that it replaced were recognised again, at about the same time (`MAX_TIME_DIFFERENCE_S`), or
    if the corrected ones are. Where segments begin and end is decided anew.
    """
    words = _Words(segments)
    notes = []
    for stretch in stretches:
        if stretch.is_divided:
            message = "Segments that were split or joined by hand were divided anew."
            notes.append(Note("edits", message, stretch.span.start, stretch.span.end))
        notes += [_lost(hunk) for hunk in _hunks(stretch) if not words.apply(hunk)]
    return Kept([words.edited(i) or segment for i, segment in enumerate(segments)], notes)


class _Words:
    """The words of all new segments in order, with what becomes of them."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self.words = [word for segment in segments for word in segment.words]
        self.keys = [_key(word) for word in self.words]
        self.places: dict[str, list[int]] = {}
        for i, key in enumerate(self.keys):
            self.places.setdefault(key, []).append(i)
        self.texts: list[str | None] = [None] * len(self.words)
        """In place of the words that are changed."""
        self.changes: dict[int, list[_Hunk]] = {}
        """By segment."""
        self.segment_of = [i for i, segment in enumerate(segments) for _ in segment.words]
        self.first_of = {segment: i for i, segment in reversed(list(enumerate(self.segment_of)))}
        """The number of the first word of each segment."""

    def apply(self, hunk: _Hunk) -> bool:
        """Whether the change is in the new transcript now."""
        start = self._find(hunk.old, hunk.old[0].start) if hunk.old else None
        if start is None:
            first = hunk.old[0] if hunk.old else hunk.new[0]
            return bool(hunk.new) and self._find(hunk.new, first.start) is not None
        for i in range(start, start + len(hunk.old)):
            self.texts[i] = ""
            self.changes.setdefault(self.segment_of[i], []).append(hunk)
        self.texts[start] = "".join(word.text for word in hunk.new)
        return True

    def _find(self, wanted: Sequence[Word], at: float) -> int | None:
        """The place nearest in time where these words follow each other, unchanged so far."""
        keys = [_key(word) for word in wanted]
        found = [
            i
            for i in self.places.get(keys[0], ())
            if self.keys[i : i + len(keys)] == keys
            and abs(self.words[i].start - at) <= MAX_TIME_DIFFERENCE_S
            and all(text is None for text in self.texts[i : i + len(keys)])
        ]
        return min(found, key=lambda i: abs(self.words[i].start - at), default=None)

    def edited(self, index: int) -> KeptEdit | None:
        """A segment with its changes; None for one without."""
        if index not in self.changes:
            return None
        segment = self.segments[index]
        first = self.first_of[index]
        pairs = zip(segment.words, self.texts[first : first + len(segment.words)], strict=True)
        text = clean("".join(word.text if changed is None else changed for word, changed in pairs))
        dates = [hunk.stretch.edited_at for hunk in self.changes[index] if hunk.stretch.edited_at is not None]
        edited_at = max(dates, default=None)
        if not text:
            return KeptEdit(segment, None, edited_at)
        if text == segment.text:
            return None
        words = retime(text, segment.words, Span(segment.start, segment.end))
        return KeptEdit(segment, replace(segment, words=words), edited_at)


def _hunks(stretch: Stretch) -> Iterator[_Hunk]:
    old, new = stretch.original, stretch.edited
    if len(old) * len(new) > MAX_COMPARISONS:
        yield _Hunk(old, new, stretch)
        return
    matcher = SequenceMatcher(None, [w.text.strip() for w in old], [w.text.strip() for w in new], autojunk=False)
    found: list[tuple[slice, slice]] = []
    for kind, *places in matcher.get_opcodes():
        if kind == "equal":
            continue
        start, end, new_start, new_end = places
        if start == end and start:  # inserted after a word, by which its place is found
            start, new_start = start - 1, new_start - 1
        elif start == end and old:  # before the first word
            end, new_end = end + 1, new_end + 1
        if found and start < found[-1][0].stop:  # before and after the same word
            was, became = found.pop()
            start, new_start = was.start, became.start
        found.append((slice(start, end), slice(new_start, new_end)))
    for was, became in found:
        yield _Hunk(old[was], new[became], stretch)


def _key(word: Word) -> str:
    return "".join(tokens(word.text)) or word.text.strip()


def _lost(hunk: _Hunk) -> Note:
    was, became = (joined(words)[:MAX_QUOTED_CHARACTERS] for words in (hunk.old, hunk.new))
    what = f"The correction of “{was}” to “{became}”" if became else f"The deletion of “{was}”"
    span = Span(hunk.old[0].start, hunk.old[-1].end) if hunk.old else hunk.stretch.span
    return Note("edits", f"{what} was not kept: other words are heard there now.", span.start, span.end)
