"""All stages in this process: what `vivavoce transcribe` runs, and what benchmarks hold the graph against."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

from engines import emotion, vad
from engines.diarization import PyannoteDiarization
from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.catalogue import embedding_of
from engines.weights.resolver import Resolved, resolve
from engines.whisper import Whisper, Window
from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, Utterance, Voiceprint, cut
from settings import Settings

T = TypeVar("T")


class _Stage:
    """An engine with a thread of its own, so that stages run side by side and each does one thing at a time."""

    def __init__(self, engine: Any, weights: Resolved) -> None:
        self.engine = engine
        self.weights = weights
        self._thread = ThreadPoolExecutor(1)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


class LocalTranscriber(_Stage):
    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return await self.run(vad.find_speech, audio)

    async def transcribe(self, audio: Samples, window: Span, language: str | None) -> Sequence[Utterance]:
        (utterances,) = await self.run(self.engine.transcribe, [Window(audio, window, language)])
        return cast(Sequence[Utterance], utterances)


class LocalDiarizer(_Stage):
    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        loop = asyncio.get_running_loop()

        def report(fraction: float) -> None:
            # Made on the loop: where that ends before the engine, no coroutine is left that nobody awaits.
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(progress(fraction)))

        return await self.run(self.engine.observe, audio, shard, report)

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await self.run(self.engine.cluster, observations, hint)


class LocalEmbedder(_Stage):
    async def embed(self, audio: Samples, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        if heard is not None and heard.model == self.weights.name:
            return heard
        speech = np.concatenate([cut(audio, span) for span in spans])
        return Voiceprint(await self.run(self.engine.embed, speech), self.weights.name)

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        vectors = await self.run(self.engine.embed_each, audio, spans)
        return [None if vector is None else Voiceprint(vector, self.weights.name) for vector in vectors]


class LocalEmotionRecognizer(_Stage):
    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await self.run(self.engine.recognize, [cut(audio, span) for span in spans])


@dataclass(frozen=True)
class LocalStages(Stages[Samples]):
    notes: tuple[str, ...] = ()
    """What could not be had, and what runs instead."""


def load(settings: Settings, *, device: str = "cpu") -> LocalStages:
    """Load all four engines; blocks for seconds, and for minutes where weights must be fetched first."""
    gpu = device == "cuda"
    how: dict[str, Any] = {"device": device, "threads": settings.cpu_threads}
    whisper = resolve("whisper", settings, gpu=gpu, progress=True)
    diarization = resolve("diarization", settings, gpu=gpu, progress=True)
    embedding = resolve("embedding", settings, gpu=gpu, progress=True)
    feeling = resolve("emotion", settings, gpu=gpu, progress=True)
    return LocalStages(
        LocalTranscriber(Whisper(whisper.path, **how), whisper),
        LocalDiarizer(PyannoteDiarization(diarization.path, embedding=embedding_of(diarization.name), **how), diarization),
        LocalEmbedder(SpeakerEmbedding(embedding.path, **how), embedding),
        LocalEmotionRecognizer(emotion.load(feeling, **how), feeling),
        tuple(weights.note for weights in (whisper, diarization, embedding, feeling) if weights.note),
    )
