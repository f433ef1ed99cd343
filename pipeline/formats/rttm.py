"""Read NIST Rich Transcription Time Marked (RTTM): reference turns of labelled recordings."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.names import spelling
from pipeline.types import Span, Turn

LONGEST_NAME = 200


def parse(text: str) -> list[Turn]:
    """The turns of an RTTM file, in order of time; rows of other kinds (`SPKR-INFO`, comments) are ignored.

    Raises ValueError, naming the row, where one cannot be read, and where the file is of more than one recording.
    """
    turns: list[Turn] = []
    recordings: set[str] = set()
    for number, row in enumerate(text.splitlines(), 1):
        fields = row.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            start, duration, speaker = float(fields[3]), float(fields[4]), spelling(fields[7])
        except (IndexError, ValueError):
            raise ValueError(f"Row {number} is not RTTM: it needs a start and a duration in seconds, and a speaker.") from None
        if not (math.isfinite(start) and math.isfinite(duration) and start >= 0 and duration >= 0):
            raise ValueError(f"Row {number} starts before the recording, or ends before it starts.")
        if not speaker:
            raise ValueError(f"Row {number} has a speaker whose name has no visible character.")
        if len(speaker) > LONGEST_NAME:
            raise ValueError(f"Row {number} has a speaker whose name is longer than {LONGEST_NAME} characters.")
        recordings.add(fields[1])
        turns.append(Turn(start, start + duration, speaker))
    if not turns:
        raise ValueError("There is no SPEAKER row in this file: send the RTTM file of the recording.")
    if len(recordings) > 1:
        raise ValueError(f"The file is of {len(recordings)} recordings: send the rows of one.")
    return sorted(turns, key=lambda turn: turn.start)


def speakers_of(turns: Sequence[Turn], spans: Sequence[Span]) -> list[str | None]:
    """The speaker who speaks most during each span; None where no speaker speaks for half of it."""
    names = sorted({turn.speaker for turn in turns})
    numbers = {name: number for number, name in enumerate(names)}
    who = np.array([numbers[turn.speaker] for turn in turns], np.int64)
    starts, ends = np.array([turn.start for turn in turns]), np.array([turn.end for turn in turns])
    found: list[str | None] = []
    for span in spans:
        spoken = np.maximum(np.minimum(ends, span.end) - np.maximum(starts, span.start), 0.0)
        seconds = np.bincount(who, spoken, minlength=len(names))
        enough = len(names) > 0 and seconds.max() > 0 and seconds.max() >= span.duration / 2
        found.append(names[int(seconds.argmax())] if enough else None)
    return found
