"""The transcript as a language model reads it: numbered lines, in sections that fit its context."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.types import ConversationSegment

UTF8_BYTES_PER_TOKEN = 3
"""Tokenizers of language models need fewer tokens: English has about 4.3 bytes a token, German and Russian more than 3.

An estimate that is too high wastes some of the context; one that is too low loses the beginning of the prompt.
"""
LAST_PART = 1 / 3
"""A section is cut in this part of it: at the beginning of a chapter, or else at its longest pause."""
_FENCES = str.maketrans({"<": "‹", ">": "›"})


@dataclass(frozen=True, slots=True)
class Line:
    """A segment, under the number by which the model cites it. Numbers begin with 1."""

    number: int
    segment_id: int
    participant_id: int
    speaker: str
    start: float
    """Seconds."""
    end: float
    text: str
    emotion: str | None = None

    def __str__(self) -> str:
        feeling = f" ({self.emotion})" if self.emotion and self.emotion != "neutral" else ""
        return f"[{self.number}] {clock(self.start)} {flat(self.speaker)}{feeling}: {flat(self.text)}"


def numbered(segments: Sequence[ConversationSegment]) -> list[Line]:
    """The lines of a conversation; segments without text have a number, too, but no line."""
    return [
        Line(
            number,
            segment.id,
            segment.participant_id,
            segment.speaker_name or "?",
            segment.start_offset,
            segment.end_offset,
            segment.text,
            segment.emotion_category,
        )
        for number, segment in enumerate(segments, 1)
        if segment.text and segment.text.strip()
    ]


def clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def flat(text: str) -> str:
    """On one line, and without the brackets of the fences, so that no text can begin a line or end the transcript."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).translate(_FENCES)


def tokens(text: str) -> int:
    """An upper estimate."""
    return len(text.encode()) // UTF8_BYTES_PER_TOKEN + 1


def sections(lines: Sequence[Line], room: int, chapters: Collection[int] = ()) -> list[Sequence[Line]]:
    """Cut the lines into sections of at most `room` tokens. `chapters` has the numbers of the lines that begin one.

    A single line that is longer is a section of its own.
    """
    found: list[Sequence[Line]] = []
    rest = list(lines)
    while rest:
        most = _fitting(rest, room)
        at = most if most == len(rest) else _cut(rest, most, chapters)
        found.append(rest[:at])
        rest = rest[at:]
    return found


def _fitting(lines: Sequence[Line], room: int) -> int:
    used = 0
    for count, line in enumerate(lines):
        used += tokens(str(line)) + 1
        if used > room:
            return max(count, 1)
    return len(lines)


def _cut(lines: Sequence[Line], most: int, chapters: Collection[int]) -> int:
    places = range(max(1, int(most * (1 - LAST_PART))), most + 1)
    begun = [at for at in places if lines[at].number in chapters]
    return begun[-1] if begun else max(places, key=lambda at: (lines[at].start - lines[at - 1].end, at))
