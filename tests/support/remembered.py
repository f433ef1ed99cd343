"""Engines that compute each result once in a process: several tests process the same recordings."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TypeVar, cast

from engines.in_process import LocalStages
from engines.whisper.transcription import Window
from pipeline.types import Emotion, Observation, Samples, Span, Utterance, Voiceprint, cut

T = TypeVar("T")


class Results:
    """Results of engines, by their samples and options.

    Engines would compute them again: no result depends on earlier calls, but for Whisper's sampling above temperature 0.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self._reused = True

    @contextmanager
    def computed_again(self) -> Iterator[None]:
        """Within the block every call computes its result."""
        self._reused = False
        try:
            yield
        finally:
            self._reused = True

    def of(self, key: Hashable, compute: Callable[[], T]) -> T:
        if not self._reused:
            return compute()
        if key not in self._known:
            self._known[key] = compute()
        found: T = self._known[key]
        return found


def remember(stages: LocalStages) -> Results:
    """Let the engines of these stages return the same result for the same samples and options."""
    results = Results()
    transcriber: Any = stages.transcriber
    diarizer, embedder, emotion = (cast(Any, stage).engine for stage in (stages.diarizer, stages.embedder, stages.emotion))
    transcribe: Callable[[Window], Sequence[Utterance]] = transcriber._transcribe
    observe: Callable[[Samples, Span, Callable[[float], None]], Observation] = diarizer.observe
    embed_each: Callable[[Samples, Sequence[Span]], list[Voiceprint | None]] = embedder.embed_each
    recognize: Callable[[Sequence[Samples]], list[Emotion]] = emotion.recognize

    def transcribe_once(window: Window) -> Sequence[Utterance]:
        key = ("transcribe", _digest(cut(window.audio, window.span)), window.span, window.language, window.decoding)
        return results.of(key, lambda: transcribe(window))

    def observe_once(audio: Samples, shard: Span, progress: Callable[[float], None]) -> Observation:
        return results.of(("observe", _digest(audio), shard), lambda: observe(audio, shard, progress))

    def embed_once(audio: Samples, spans: Sequence[Span]) -> list[Voiceprint | None]:
        return results.of(("embed", _digest(audio), *spans), lambda: embed_each(audio, spans))

    def recognize_once(clips: Sequence[Samples]) -> list[Emotion]:
        return results.of(("recognize", *map(_digest, clips)), lambda: recognize(clips))

    transcriber._transcribe = transcribe_once
    diarizer.observe, embedder.embed_each, emotion.recognize = observe_once, embed_once, recognize_once
    return results


def _digest(audio: Samples) -> bytes:
    return sha256(audio.tobytes()).digest()
