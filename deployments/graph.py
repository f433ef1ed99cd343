"""The stages as the ingress sees them: handles of deployments, and recordings as references into Ray's object store."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ray import ObjectRef
from ray.serve.handle import DeploymentHandle

from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Samples, Span, SpeakerHint, Utterance, Voiceprint

Recording = ObjectRef[Samples]


@dataclass(frozen=True, slots=True)
class RemoteTranscriber:
    handle: DeploymentHandle

    async def find_speech(self, audio: Recording) -> Sequence[Span]:
        return await self.handle.find_speech.remote(audio)  # type: ignore[no-any-return]

    async def transcribe(self, audio: Recording, window: Span, language: str | None) -> Sequence[Utterance]:
        return await self.handle.transcribe.remote(audio, window, language)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RemoteDiarizer:
    handle: DeploymentHandle

    async def diarize(self, audio: Recording, hint: SpeakerHint, progress: Callable[[float], Awaitable[None]]) -> Diarization:
        async for item in self.handle.options(stream=True).diarize.remote(audio, hint):
            if isinstance(item, Diarization):
                return item
            await progress(item)
        raise RuntimeError("The diarizer ended without a result; it was stopped. Send the recording again.")


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    handle: DeploymentHandle

    async def embed(self, audio: Recording, spans: Sequence[Span]) -> Voiceprint:
        return await self.handle.embed.remote(audio, spans)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class RemoteEmotionRecognizer:
    handle: DeploymentHandle

    async def recognize(self, audio: Recording, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await self.handle.recognize.remote(audio, spans)  # type: ignore[no-any-return]


def stages(
    transcriber: DeploymentHandle, diarizer: DeploymentHandle, embedder: DeploymentHandle, emotion: DeploymentHandle
) -> Stages[Recording]:
    return Stages(
        RemoteTranscriber(transcriber), RemoteDiarizer(diarizer), RemoteEmbedder(embedder), RemoteEmotionRecognizer(emotion)
    )
