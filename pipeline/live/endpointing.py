"""Where a line of live audio begins and ends, on the clock of its samples.

The same audio gives the same lines whenever and in whatever pieces it arrives: everything is decided frame by frame, and
nothing knows what time it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.types import SAMPLE_RATE, Samples

FRAME = 512
"""Samples that are judged at a time, 32 ms: what Silero hears."""

MARGIN = 10
"""Frames (0.32 s) kept around speech: Whisper loses words that begin or end with the recording."""
LONGEST = 30 * SAMPLE_RATE // FRAME
"""Frames (29.98 s) after which a monologue is cut: Whisper hears no more than 30 s."""
EARLIEST_CUT = LONGEST // 3
"""Frames (10 s) that stay together when a monologue is cut: Whisper understands a few words worse than many."""
PAUSE = 3
"""Frames (0.1 s) that make a pause: what is shorter can be the closure of a consonant."""
QUIET = 5
"""Frames (0.16 s) of which the quietest are cut through where there is no pause."""


class SpeechDetector(Protocol):
    def __call__(self, frame: Samples) -> float:
        """How likely somebody speaks in the next `FRAME` samples, 0 to 1; called with every frame of a stream, in order."""


@dataclass(frozen=True, slots=True)
class VadThresholds:
    """What counts as speech. Once somebody speaks, `low` is enough to go on."""

    high: float
    low: float
    shortest: float
    """Seconds of speech below which a line is dropped."""
    quietest: float
    """Root mean square below which a line is dropped."""


SILERO = VadThresholds(high=0.5, low=0.35, shortest=0.1, quietest=0.0)
"""Silero's own two thresholds. On the telephone a word ("Okay.", "Hello?") may be heard for 0.13 s: of 0.2 s and more, eight of
them were lost in nine conversations; two lines of nothing came in their place, and one in 21 recordings of noise."""
ENERGY = VadThresholds(high=0.5, low=0.5, shortest=0.5, quietest=0.01)
"""What clients of the reference system know."""
ENERGY_LEVEL = 0.005
"""Root mean square from which a frame is loud, likewise."""


def energy(frame: Samples) -> float:
    """A `SpeechDetector` that takes everything loud for speech."""
    return float(level(frame) > ENERGY_LEVEL)


def level(samples: Samples) -> float:
    """Root mean square; 0 where there are no samples."""
    return math.sqrt(float(np.dot(samples, samples)) / len(samples)) if len(samples) else 0.0


@dataclass(frozen=True, slots=True)
class SpeechSpan:
    """A line: samples of the stream from `start` to before `end`."""

    start: int
    end: int

    @property
    def start_offset(self) -> float:
        """Seconds."""
        return self.start / SAMPLE_RATE

    @property
    def end_offset(self) -> float:
        """Seconds."""
        return self.end / SAMPLE_RATE

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.end - self.start) / SAMPLE_RATE


class _Line:
    """What is known of a line that has begun. Frames are numbered from the beginning of the stream."""

    def __init__(self, start: int, onset: int) -> None:
        self.start = start
        self.onset = onset
        """The first frame that was judged; those before it are margin."""
        self.speech: list[bool] = []
        self.levels: list[float] = []
        self.spoken = 0
        """How many frames have speech."""
        self.last = onset
        """The last one that has."""

    def add(self, spoken: bool, level: float) -> None:
        if spoken:
            self.spoken += 1
            self.last = self.onset + len(self.speech)
        self.speech.append(spoken)
        self.levels.append(level)

    @property
    def loudness(self) -> float:
        return math.sqrt(float(np.mean(np.square(self.levels))))

    def best_cut(self) -> int:
        """The middle of the longest pause, else of the quietest moment."""
        first = max(0, self.start + EARLIEST_CUT - self.onset)
        begin, length = longest_pause(self.speech[first:])
        if length < PAUSE:
            loudness = np.convolve(np.square(self.levels[first:]), np.ones(QUIET), "valid")
            begin, length = int(loudness.argmin()), QUIET
        return self.onset + first + begin + length // 2

    def rest(self, frame: int) -> "_Line":
        """The line that goes on after a cut before `frame`."""
        line = _Line(frame, frame)
        for spoken, level in zip(self.speech[frame - self.onset :], self.levels[frame - self.onset :], strict=True):
            line.add(spoken, level)
        return line


def longest_pause(speech: Sequence[bool]) -> tuple[int, int]:
    """Start and length of the longest run without speech; of several that are as long the last."""
    best, start = (0, 0), 0
    for i, spoken in enumerate([*speech, True]):
        if spoken:
            if i - start >= best[1]:
                best = (start, i - start)
            start = i + 1
    return best


class Endpointer:
    """Cuts a stream into lines.

    Args:
        detector: Tells speech from everything else; has heard nothing yet.
        gate: What counts as speech to it.
        silence_duration: Seconds without speech that end a line.
        origin: Which sample of the recording is the first of this stream.
    """

    def __init__(self, detector: SpeechDetector, gate: VadThresholds, silence_duration: float, origin: int = 0) -> None:
        self._detector = detector
        self._gate = gate
        self._silence = max(1, math.ceil(silence_duration * SAMPLE_RATE / FRAME))
        self._origin = origin
        self._rest: Samples = np.empty(0, np.float32)
        self._frame = 0
        self._free = 0
        """The first frame that belongs to no line yet."""
        self._line: _Line | None = None

    @property
    def active(self) -> bool:
        """Somebody spoke in the last frame."""
        return self._line is not None and self._line.speech[-1]

    @property
    def current(self) -> SpeechSpan | None:
        """The line that has begun, as far as it goes by now."""
        return None if self._line is None else self._cut(self._line.start, self._frame)

    def feed(self, samples: Samples) -> list[SpeechSpan]:
        """The lines that have ended with these samples. Blocks for as long as the detector takes."""
        self._rest = np.concatenate([self._rest, samples])
        whole = len(self._rest) // FRAME * FRAME
        cuts = [cut for at in range(0, whole, FRAME) for cut in self._hear(self._rest[at : at + FRAME])]
        self._rest = self._rest[whole:].copy()
        return cuts

    def finish(self) -> list[SpeechSpan]:
        """The stream has ended: the line that had begun, if there is one."""
        heard = self._frame * FRAME + len(self._rest)
        cuts = self.feed(np.zeros(-heard % FRAME, np.float32))
        if self._line is not None:
            cuts += self._end(self._line)
        self._line = None
        return [SpeechSpan(cut.start, min(cut.end, self._origin + heard)) for cut in cuts]

    def _hear(self, frame: Samples) -> list[SpeechSpan]:
        number, self._frame = self._frame, self._frame + 1
        likely = self._detector(frame)
        spoken = likely >= (self._gate.low if self.active else self._gate.high)
        if self._line is None:
            if not spoken:
                return []
            self._line = _Line(max(self._free, number - MARGIN), number)
        line = self._line
        line.add(spoken, level(frame))
        if number - line.last >= self._silence:
            self._line = None
            return self._end(line)
        if self._frame - line.start >= LONGEST:
            at = line.best_cut()
            rest = line.rest(at)
            self._line = rest if rest.spoken else None
            return self._end(line, at)
        return []

    def _end(self, line: _Line, limit: int | None = None) -> list[SpeechSpan]:
        end = min(line.last + 1 + MARGIN, self._frame if limit is None else limit)
        self._free = end
        too_short = line.spoken * FRAME < self._gate.shortest * SAMPLE_RATE
        return [] if too_short or line.loudness < self._gate.quietest else [self._cut(line.start, end)]

    def _cut(self, start: int, end: int) -> SpeechSpan:
        return SpeechSpan(self._origin + start * FRAME, self._origin + end * FRAME)
