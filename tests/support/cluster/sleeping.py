"""Models that sleep for about the time that a GPU takes, and return a transcript in which each word differs.

They take the place of the modules in `engines` that load weights. They need no CPU, so that two cores are enough for the
replicas of several GPUs. A batch of 16 windows takes 4 s.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from engines.weights.catalogue import FULL_SIZE, Role
from engines.weights.resolver import Resolved
from pipeline.decoding import PLAIN, Decoding
from pipeline.types import (
    EMOTIONS,
    SAMPLE_RATE,
    Diarization,
    Emotion,
    Observation,
    Samples,
    Span,
    Turn,
    Utterance,
    Vector,
    Word,
)
from settings import Settings

PASS_S, WINDOW_PASS_S = 1.0, 0.1875
"""Time of a forward pass of the transcriber, and of each window in it."""
OBSERVE, CLUSTER, EMBED, EMOTION = 1 / 60, 1 / 7200, 1 / 400, 1 / 200
"""Seconds of the other models for a second of audio."""
FULL_BATCH = 16
"""Windows that a pass of the transcriber takes on a GPU."""

SLOWER, LOAD_S, DIRECTORY = "SLEEPING_SLOWER", "SLEEPING_LOAD_S", "SLEEPING_DIRECTORY"
"""Environment variables: a factor for all times; the time to load a model; a directory for the times of all calls."""
HOLD = "hold"
"""A file in that directory; while it is there, no call ends."""
HOLD_LOOK_S = 0.1

WINDOW_S, TURN_S, WORD_S = 30.0, 10.0, 0.4
SENTENCE_WORDS = 10
VOICES = 40
"""Different people who speak in all recordings."""
FRAMES, LOCAL_SPEAKERS, DIMENSION = 293, 3, 256
"""Sizes of an observation: frames of the diarizer's window, speakers in it, and the size of an embedding."""

STUBS = (
    "engines.whisper.transcription",
    "engines.vad",
    "engines.diarization",
    "engines.speaker_embedding",
    "engines.emotions.engine",
)


def install() -> None:
    """Replace the engines in this process, before a replica imports them."""
    from deployments.stages import replica

    for name in STUBS:
        sys.modules[name] = sys.modules[__name__]

    def resolve(role: Role, _settings: Settings, **_options: bool) -> Resolved:
        return Resolved(FULL_SIZE[role], Path())

    def nothing() -> None: ...

    patch.multiple(replica, resolve=resolve, cuda=SimpleNamespace(preload=nothing, check_device=nothing)).start()


def gpu_seconds(duration: float, gpus: Mapping[str, float]) -> float:
    """Seconds of a whole GPU for a recording of this length in full batches; `gpus` are the fractions that the stages take."""
    windows = -(-duration // WINDOW_S)
    costs = {
        "transcriber": windows * (PASS_S / FULL_BATCH + WINDOW_PASS_S),
        "diarizer": duration * (OBSERVE + CLUSTER),
        "embedder": 2 * duration * EMBED,  # of the participants, and of the segments
        "emotion": duration * EMOTION,
    }
    return sum(cost * gpus[stage] for stage, cost in costs.items())


def words(duration: float) -> list[str]:
    """The words of a recording of this length, in order: each is a number of its own."""
    spoken = [word for window in _windows(duration) for word in words_of(window)]
    return [word.text.strip().rstrip(".") for word in spoken]


def samples(number: int, duration: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A recording of two people, who speak in turns: the samples of each have one value. It takes hardly any space as FLAC."""
    turns = (np.arange(round(duration * SAMPLE_RATE)) // round(TURN_S * SAMPLE_RATE)) % 2
    return np.asarray(1 + (2 * number + turns) % VOICES, np.int16)


def _windows(duration: float) -> list[Span]:
    return [Span(start, min(start + WINDOW_S, duration)) for start in np.arange(0, duration, WINDOW_S).tolist()]


def words_of(window: Span) -> list[Word]:
    """The words of a window."""
    starts = np.arange(window.start, window.end - WORD_S, WORD_S)
    numbers = [round(float(start) / WORD_S) for start in starts]
    return [
        Word(f" {number}{'' if (number + 1) % SENTENCE_WORDS else '.'}", WORD_S * number, WORD_S * (number + 0.9), 0.9)
        for number in numbers
    ]


def _sleep(stage: str, seconds: float) -> None:
    start = time.time()
    time.sleep(float(os.environ.get(SLOWER, "1")) * seconds)
    if directory := os.environ.get(DIRECTORY):
        while Path(directory, HOLD).exists():
            time.sleep(HOLD_LOOK_S)
        with Path(directory, f"{stage}-{os.getpid()}").open("a") as log:
            log.write(f"{start} {time.time()}\n")


def _load() -> None:
    time.sleep(float(os.environ.get(LOAD_S, "0")))


@dataclass(frozen=True, slots=True)
class Window:
    audio: Samples
    span: Span
    language: str | None
    decoding: Decoding = PLAIN


class Whisper:
    def __init__(self, *_: object, **__: object) -> None:
        _load()

    def transcribe(self, windows: Sequence[Window]) -> list[list[Utterance]]:
        _sleep("transcriber", PASS_S + WINDOW_PASS_S * len(windows))
        return [[Utterance(tuple(words_of(window.span)), -0.2, "en")] for window in windows]

    def detect_language(self, _window: Window) -> str:
        _sleep("transcriber", PASS_S / FULL_BATCH + WINDOW_PASS_S)
        return "en"

    def hotwords_read(self, _decoding: Decoding) -> list[str]:
        return []


def find_speech(audio: Samples) -> list[Span]:
    return _windows(len(audio) / SAMPLE_RATE)


class PyannoteDiarization:
    def __init__(self, *_: object, **__: object) -> None:
        _load()

    def diarize(self, _audio: Samples) -> None: ...

    def observe(self, _audio: Samples, shard: Span, progress: Callable[[float], None]) -> Observation:
        for done in (0.5, 1.0):
            _sleep("diarizer", shard.duration * OBSERVE / 2)
            progress(done)
        windows = round(shard.duration)
        active = np.ones((windows, FRAMES, LOCAL_SPEAKERS), np.uint8)
        return Observation(active, np.ones((windows, LOCAL_SPEAKERS, DIMENSION), np.float32))

    def cluster(self, observations: Sequence[Observation], _hint: object) -> Diarization:
        duration = sum(len(each.active) for each in observations)
        _sleep("diarizer", duration * CLUSTER)
        starts = np.arange(0, duration, TURN_S).tolist()
        turns = tuple(Turn(start, min(start + TURN_S, duration), "AB"[i % 2]) for i, start in enumerate(starts))
        return Diarization(turns, turns)


class SpeakerEmbedding:
    def __init__(self, *_: object, **__: object) -> None:
        _load()

    def embed(self, speech: Samples) -> Vector:
        _sleep("embedder", len(speech) / SAMPLE_RATE * EMBED)
        return _voice(speech)

    def embed_each(self, audio: Samples, spans: Sequence[Span]) -> list[Vector | None]:
        _sleep("embedder", sum(span.duration for span in spans) * EMBED)
        return [_voice(audio[round(SAMPLE_RATE * span.start) : round(SAMPLE_RATE * span.end)]) for span in spans]


def _voice(speech: Samples) -> Vector:
    """The embedding of the person whose samples are in the middle."""
    vector = np.random.default_rng(round(2**15 * float(speech[len(speech) // 2]))).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class Emotions:
    def recognize(self, clips: Sequence[Samples]) -> list[Emotion]:
        _sleep("emotion", sum(map(len, clips)) / SAMPLE_RATE * EMOTION)
        scores = MappingProxyType(dict.fromkeys(EMOTIONS, 1 / len(EMOTIONS)))
        return [Emotion("neutral", 0.5, dict(scores), np.ones(768, np.float32), "sleeping") for _ in clips]


def load(*_: object, **__: object) -> Emotions:
    """`engines.emotions.engine.load`."""
    _load()
    return Emotions()


def weakness(_name: str) -> None:
    """`engines.emotions.engine.weakness`."""
