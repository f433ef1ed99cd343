"""Place decoded frames where the container's timestamps put them, within bounds: timestamps are a client's numbers."""

from collections.abc import Callable, Iterator

import numpy as np
from av.audio.frame import AudioFrame

from pipeline.types import SAMPLE_RATE, Note, Samples

TOLERANCE_S = 0.1
"""Timestamps differ by less from the sound in ordinary recordings: WebM rounds them, and clocks drift. FFmpeg's `aresample`
compensates from there on, too."""
MAX_JUMP_BACK_S = 1.0
"""Packets may overlap. A clock that jumps back by more has started again."""
MAX_SILENCE_S = 2 * 3600.0
"""All silence that is inserted into a recording."""
MAX_LIVE_SILENCE_S = 3600.0
"""The same for a live stream: its silence is written uncompressed (115 MB an hour)."""
MIN_NOTED_S = 0.5
"""A shorter gap has no words in it."""
MAX_NOTES = 20

Remark = Callable[[Note], None]
"""Takes a note on a gap."""


class Clock:
    """The clock of one track.

    Args:
        origin: The timestamp, in seconds, at which the recording starts; None: that of the first frame.
        max_silence_s: Gaps that exceed it in all are closed up.
    """

    def __init__(self, origin: float | None, max_silence_s: float, remark: Remark) -> None:
        self._origin = origin
        self._left_s = max_silence_s
        self._remark = remark
        self._remarks = 0
        self._position = 0.0
        """Seconds of sound so far, silence included."""
        self._began = False

    def gap(self, frame: AudioFrame) -> float:
        """Seconds of silence before this frame, which must be the next one; 0 where it follows the last one."""
        silence = 0.0
        if frame.pts is not None and frame.time_base is not None:
            silence = self._gap(float(frame.pts * frame.time_base))
        self._began = True
        self._position += silence + frame.samples / frame.sample_rate
        return silence

    def _gap(self, timestamp: float) -> float:
        position = self._position
        if self._origin is None:
            self._origin = timestamp - position
        ahead = timestamp - self._origin - position
        if ahead < -MAX_JUMP_BACK_S:
            self._origin = timestamp - position
            self._note(position, position, f"The clock of the recording jumps back by {_length(-ahead)}, which was ignored.")
        elif ahead > self._left_s:
            self._origin = timestamp - position
            self._note(position, position, f"The clock of the recording jumps by {_length(ahead)}; this gap was closed.")
        elif ahead > TOLERANCE_S:
            self._left_s -= ahead
            if self._began and ahead >= MIN_NOTED_S:
                self._note(position, position + ahead, f"{_length(ahead)} of sound are missing in the recording.")
            return ahead
        return 0.0

    def _note(self, start: float, end: float, message: str) -> None:
        self._remarks += 1
        if self._remarks == MAX_NOTES:
            message = "The clock of the recording goes on to jump; further gaps are not listed."
        if self._remarks <= MAX_NOTES:
            self._remark(Note("sound", message, start, end))


def silence(seconds: float) -> Iterator[Samples]:
    """In blocks of up to a second."""
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        yield np.zeros(min(left, SAMPLE_RATE), np.float32)
        left -= SAMPLE_RATE


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
