"""The stages as the ingress sees them: handles of deployments, and recordings as references into Ray's object store."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ray import ObjectRef
from ray.serve.handle import DeploymentHandle

from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, Utterance, Voiceprint

Handle = DeploymentHandle[Any]
Recording = ObjectRef[Samples]


@dataclass(frozen=True, slots=True)
class RemoteTranscriber:
    handle: Handle

    async def find_speech(self, audio: Recording) -> Sequence[Span]:
        return await self.handle.find_speech.remote(audio)  # type: ignore[no-any-return]

    async def transcribe(self, audio: Recording, window: Span, language: str | None) -> Sequence[Utterance]:
        return await self.handle.transcribe.remote(audio, window, language)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RemoteDiarizer:
    handle: Handle

    async def observe(self, audio: Recording, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        reports = self.handle.options(stream=True).observe.remote(audio, shard)
        async for item in cast(AsyncIterator[float | Observation], reports):
            if isinstance(item, Observation):
                return item
            await progress(item)
        raise RuntimeError("The diarizer ended without a result; it was stopped. Send the recording again.")

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await self.handle.cluster.remote(observations, hint)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    handle: Handle

    async def embed(self, audio: Recording, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        return await self.handle.embed.remote(audio, spans, heard)  # type: ignore[no-any-return]

    async def embed_each(self, audio: Recording, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return await self.handle.embed_each.remote(audio, spans)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RemoteEmotionRecognizer:
    handle: Handle

    async def recognize(self, audio: Recording, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await self.handle.recognize.remote(audio, spans)  # type: ignore[no-any-return]


def stages(transcriber: Handle, diarizer: Handle, embedder: Handle, emotion: Handle) -> Stages[Recording]:
    return Stages(
        RemoteTranscriber(transcriber), RemoteDiarizer(diarizer), RemoteEmbedder(embedder), RemoteEmotionRecognizer(emotion)
    )
