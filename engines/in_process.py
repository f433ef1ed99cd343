"""All stages in one process, for `vivavoce transcribe` and as the baseline of benchmarks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Generic, ParamSpec, TypeVar

from engines import vad
from engines.diarization import PyannoteDiarization
from engines.emotions import engine
from engines.emotions.engine import EmotionEngine
from engines.sentences import engine as sentences
from engines.sentences.encoder import SentenceEmbedding
from engines.speaker_embedding import SpeakerEmbedding
from engines.voiceprints import VoiceprintEngine, speech_of
from engines.weights.catalogue import embedding_of
from engines.weights.resolver import resolve, resolve_other
from engines.whisper.transcription import Whisper, Window
from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import (
    Diarization,
    Emotion,
    Observation,
    Samples,
    Span,
    SpeakerHint,
    TextVectors,
    Utterance,
    Voiceprint,
    cut,
)
from settings import Settings

MAX_MODELS = 3
"""Whisper models in memory, as on a replica."""

E = TypeVar("E")
P = ParamSpec("P")
T = TypeVar("T")


class _Stage(Generic[E]):
    """An engine with its own thread: stages run concurrently, and each makes one call at a time."""

    def __init__(self, engine: E) -> None:
        self.engine = engine
        self._thread = ThreadPoolExecutor(1)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *args, **kwargs))


class LocalTranscriber(_Stage[Callable[[str], Whisper]]):
    """`engine` returns the model of a name; the default one's is empty. The models used last are kept in memory."""

    def __init__(self, load: Callable[[str], Whisper]) -> None:
        super().__init__(lru_cache(MAX_MODELS)(load))

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return await self.run(vad.find_speech, audio)

    async def detect_language(self, audio: Samples, window: Span, decoding: Decoding = PLAIN) -> str:
        return await self.run(lambda: self.engine(decoding.model).detect_language(Window(audio, window, None)))

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        return await self.run(self._transcribe, Window(audio, window, language, decoding))

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        return await self.run(lambda: self.engine(decoding.model).hotwords_read(decoding))

    def _transcribe(self, window: Window) -> Sequence[Utterance]:
        (utterances,) = self.engine(window.decoding.model).transcribe([window])
        return utterances


class LocalDiarizer(_Stage[PyannoteDiarization]):
    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        loop = asyncio.get_running_loop()

        def report(fraction: float) -> None:
            # The coroutine is created on the loop: if the loop ends before the engine, none is left without an await.
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(progress(fraction)))

        return await self.run(self.engine.observe, audio, shard, report)

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await self.run(self.engine.cluster, observations, hint)


class LocalEmbedder(_Stage[VoiceprintEngine]):
    async def embed(self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        if known is not None and self.engine.made(known):
            return known
        return await self.run(self.engine.embed, speech_of(audio, spans))

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return await self.run(self.engine.embed_each, audio, spans)


class LocalEmotionRecognizer(_Stage[EmotionEngine]):
    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await self.run(self.engine.recognize, [cut(audio, span) for span in spans])


class LocalTextEmbedder(_Stage[SentenceEmbedding]):
    async def embed_query(self, text: str) -> TextVectors:
        return await self.run(self.engine.query, text)

    async def embed_passages(self, texts: Sequence[str]) -> TextVectors:
        return await self.run(self.engine.passages, texts)


@dataclass(frozen=True)
class LocalStages(Stages[Samples]):
    notes: tuple[str, ...] = ()
    """For each model that is not available, which one runs in its place."""


def load_embedder(settings: Settings, *, device: str = "cpu") -> tuple[LocalEmbedder, str | None]:
    """The embedder alone, and a note where another model runs in place of the configured one. Blocks. Raises WeightsError."""
    embedding = resolve("embedding", settings, gpu=device == "cuda", progress=True)
    engine = SpeakerEmbedding(embedding.path, device=device, threads=settings.cpu_threads)
    return LocalEmbedder(VoiceprintEngine(engine, embedding.name)), embedding.note


def load_text_embedder(settings: Settings) -> LocalTextEmbedder:
    """The text embedder alone, on the CPU. Blocks. Raises TextsNotEmbeddedError."""
    return LocalTextEmbedder(sentences.load(sentences.find(settings, gpu=False, progress=True), settings))


def load(settings: Settings, *, device: str = "cpu", model: str = "") -> LocalStages:
    """Load all four engines; of the transcriber's models the named one, the others when they are requested.

    Blocks for seconds, and for minutes where weights must be downloaded first.
    """
    gpu = device == "cuda"
    how: dict[str, Any] = {"device": device, "threads": settings.cpu_threads}
    notes: list[str] = []

    def whisper(name: str) -> Whisper:
        weights = resolve_other(name, settings, progress=True) if name else resolve("whisper", settings, gpu=gpu, progress=True)
        notes.extend([weights.note] if weights.note else [])
        return Whisper(weights.path, **how)

    transcriber = LocalTranscriber(whisper)
    transcriber.engine(model)
    diarization = resolve("diarization", settings, gpu=gpu, progress=True)
    embedder, embedder_note = load_embedder(settings, device=device)
    feeling = resolve("emotion", settings, gpu=gpu, progress=True)
    return LocalStages(
        transcriber,
        LocalDiarizer(PyannoteDiarization(diarization.path, embedding=embedding_of(diarization.name), **how)),
        embedder,
        LocalEmotionRecognizer(engine.load(feeling, **how)),
        notes=(*notes, *filter(None, (diarization.note, embedder_note, feeling.note))),
    )
