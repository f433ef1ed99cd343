"""Voice activity detection with Silero VAD, which is part of faster-whisper."""

from collections.abc import Iterator

from faster_whisper.vad import VadOptions, get_speech_timestamps

from pipeline.types import SAMPLE_RATE, Samples, Span

BLOCK = 60 * SAMPLE_RATE
"""Samples per call of Silero. Silero copies its input, and a day of audio should not be in memory twice. A block must be longer
than a span of speech, since a span at its end is processed again with the next block."""

# Whisper takes at most 30 s. The other two values are those of faster-whisper for batched transcription: cut at pauses of
# 160 ms, and keep 400 ms around speech, for soft beginnings and ends.
OPTIONS = VadOptions(max_speech_duration_s=30.0, min_silence_duration_ms=160, speech_pad_ms=400)


def find_speech(audio: Samples) -> list[Span]:
    """Spans of speech in order, none longer than 30 s."""
    return [Span(start / SAMPLE_RATE, end / SAMPLE_RATE) for start, end in _blocks(audio)]


def _blocks(audio: Samples) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(audio):
        block = audio[position : position + BLOCK]
        last = position + len(block) == len(audio)
        speech = [(position + s["start"], position + s["end"]) for s in get_speech_timestamps(block, OPTIONS)]
        # Speech that reaches the end of a block may continue: the next block begins where this speech begins.
        unfinished = bool(speech) and not last and speech[-1][1] >= position + len(block)
        yield from speech[:-1] if unfinished else speech
        position = speech[-1][0] if unfinished else position + len(block)
