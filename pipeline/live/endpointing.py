"""Find spans of speech in live audio.

The same audio gives the same spans however fast and in whatever pieces it arrives: every decision is made frame by frame, from
the position of the samples and never from a clock.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.live.vad import FRAME_SAMPLES, SpeechDetector, VadThresholds, rms
from pipeline.types import SAMPLE_RATE, Samples

MARGIN_FRAMES = 10
"""Frames (0.32 s) kept before and after speech: Whisper loses words that begin or end with the recording."""
MAX_SPAN_FRAMES = 30 * SAMPLE_RATE // FRAME_SAMPLES
"""Frames (29.98 s) after which a monologue is split: Whisper takes no more than 30 s."""
MIN_SPLIT_FRAMES = MAX_SPAN_FRAMES // 3
"""Frames (10 s) before which a monologue is not split: Whisper transcribes a few words worse than many."""
MIN_PAUSE_FRAMES = 3
"""Frames (0.1 s) that make a pause: shorter gaps can be the closure of a consonant."""
QUIET_FRAMES = 5
"""Length (0.16 s) of the quietest moment, in which a monologue without a pause is split."""


@dataclass(frozen=True, slots=True)
class SpeechSpan:
    """Samples of the recording from `start` to before `end`."""

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


class _OpenSpan:
    """A span that has begun. Frames are numbered from the beginning of the stream.

    Args:
        start: The first frame, margin included.
        onset: The first frame that was judged.
    """

    def __init__(self, start: int, onset: int) -> None:
        self.start = start
        self.onset = onset
        self.is_speech: list[bool] = []
        self.levels: list[float] = []
        self.speech_frames = 0
        self.last_speech = onset
        """The last frame with speech."""

    def add(self, is_speech: bool, level: float) -> None:
        if is_speech:
            self.speech_frames += 1
            self.last_speech = self.onset + len(self.is_speech)
        self.is_speech.append(is_speech)
        self.levels.append(level)

    @property
    def level(self) -> float:
        """Root mean square of the span."""
        return math.sqrt(float(np.mean(np.square(self.levels))))

    def best_split(self) -> int:
        """The frame in the middle of the longest pause, else of the quietest moment."""
        first = max(0, self.start + MIN_SPLIT_FRAMES - self.onset)
        begin, length = longest_pause(self.is_speech[first:])
        if length < MIN_PAUSE_FRAMES:
            power = np.convolve(np.square(self.levels[first:]), np.ones(QUIET_FRAMES), "valid")
            begin, length = int(power.argmin()), QUIET_FRAMES
        return self.onset + first + begin + length // 2

    def rest(self, frame: int) -> "_OpenSpan":
        """The span that continues after a split before `frame`."""
        rest = _OpenSpan(frame, frame)
        for is_speech, level in zip(self.is_speech[frame - self.onset :], self.levels[frame - self.onset :], strict=True):
            rest.add(is_speech, level)
        return rest


def longest_pause(is_speech: Sequence[bool]) -> tuple[int, int]:
    """Start and length of the longest run without speech; the last one of several with the same length."""
    best, start = (0, 0), 0
    for i, speech in enumerate([*is_speech, True]):
        if speech:
            if i - start >= best[1]:
                best = (start, i - start)
            start = i + 1
    return best


class Endpointer:
    """Finds the spans of speech in one stream.

    Args:
        detector: Has processed no frame yet.
        thresholds: Belong to the detector.
        silence_duration: Seconds without speech that end a span.
        origin: The position in the recording of the first sample of this stream.
    """

    def __init__(self, detector: SpeechDetector, thresholds: VadThresholds, silence_duration: float, origin: int = 0) -> None:
        self._detector = detector
        self._thresholds = thresholds
        self._silence_frames = max(1, math.ceil(silence_duration * SAMPLE_RATE / FRAME_SAMPLES))
        self._origin = origin
        self._buffer: Samples = np.empty(0, np.float32)
        """Samples that are not a whole frame yet."""
        self._frame = 0
        """The number of the next frame."""
        self._free = 0
        """The first frame that belongs to no span yet."""
        self._span: _OpenSpan | None = None

    @property
    def active(self) -> bool:
        """The last frame is speech."""
        return self._span is not None and self._span.is_speech[-1]

    @property
    def current(self) -> SpeechSpan | None:
        """The span that has begun, up to now."""
        return None if self._span is None else self._samples(self._span.start, self._frame)

    def feed(self, samples: Samples) -> list[SpeechSpan]:
        """The spans that end with these samples. Blocks while the detector runs."""
        self._buffer = np.concatenate([self._buffer, samples])
        whole = len(self._buffer) // FRAME_SAMPLES * FRAME_SAMPLES
        frames = (self._buffer[at : at + FRAME_SAMPLES] for at in range(0, whole, FRAME_SAMPLES))
        spans = [span for frame in frames for span in self._judge(frame)]
        self._buffer = self._buffer[whole:].copy()
        return spans

    def finish(self) -> list[SpeechSpan]:
        """The stream has ended: the span that has begun, if there is one."""
        length = self._frame * FRAME_SAMPLES + len(self._buffer)
        spans = self.feed(np.zeros(-length % FRAME_SAMPLES, np.float32))
        if self._span is not None:
            spans += self._close(self._span)
        self._span = None
        return [SpeechSpan(span.start, min(span.end, self._origin + length)) for span in spans]

    def _judge(self, frame: Samples) -> list[SpeechSpan]:
        number, self._frame = self._frame, self._frame + 1
        probability = self._detector(frame)
        is_speech = probability >= (self._thresholds.low if self.active else self._thresholds.high)
        if self._span is None:
            if not is_speech:
                return []
            self._span = _OpenSpan(max(self._free, number - MARGIN_FRAMES), number)
        span = self._span
        span.add(is_speech, rms(frame))
        if number - span.last_speech >= self._silence_frames:
            self._span = None
            return self._close(span)
        if self._frame - span.start >= MAX_SPAN_FRAMES:
            split = span.best_split()
            rest = span.rest(split)
            self._span = rest if rest.speech_frames else None
            return self._close(span, split)
        return []

    def _close(self, span: _OpenSpan, limit: int | None = None) -> list[SpeechSpan]:
        end = min(span.last_speech + 1 + MARGIN_FRAMES, self._frame if limit is None else limit)
        self._free = end
        too_short = span.speech_frames * FRAME_SAMPLES < self._thresholds.min_speech_s * SAMPLE_RATE
        return [] if too_short or span.level < self._thresholds.min_rms else [self._samples(span.start, end)]

    def _samples(self, start: int, end: int) -> SpeechSpan:
        return SpeechSpan(self._origin + start * FRAME_SAMPLES, self._origin + end * FRAME_SAMPLES)
