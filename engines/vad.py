"""Where somebody speaks: Silero VAD, which faster-whisper carries."""

from collections.abc import Iterator

from faster_whisper.vad import VadOptions, get_speech_timestamps

from pipeline.types import SAMPLE_RATE, Samples, Span

BLOCK = 60 * SAMPLE_RATE
"""Samples looked at in one go: Silero copies what it is given, and a day of audio should not be held twice. Longer than a
stretch of speech, which may have to be looked at again in the next block."""

# Whisper hears at most 30 s, so nothing longer is called one stretch of speech. The other two are faster-whisper's for batched
# transcription: a pause of 160 ms is enough to cut at, and 400 ms around speech keep soft beginnings and ends.
OPTIONS = VadOptions(max_speech_duration_s=30.0, min_silence_duration_ms=160, speech_pad_ms=400)


def find_speech(audio: Samples) -> list[Span]:
    """Stretches of speech in order, none longer than 30 s."""
    return [Span(start / SAMPLE_RATE, end / SAMPLE_RATE) for start, end in _blocks(audio)]


def _blocks(audio: Samples) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(audio):
        block = audio[position : position + BLOCK]
        last = position + len(block) == len(audio)
        speech = [(position + s["start"], position + s["end"]) for s in get_speech_timestamps(block, OPTIONS)]
        # Speech that touches the end of a block goes on in the next one, which then begins where that speech began.
        unfinished = bool(speech) and not last and speech[-1][1] >= position + len(block)
        yield from speech[:-1] if unfinished else speech
        position = speech[-1][0] if unfinished else position + len(block)
