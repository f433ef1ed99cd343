"""The stages as the ingress sees them: handles of deployments, and recordings as references into Ray's object store."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ray import ObjectRef
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, Utterance, Voiceprint

logger = logging.getLogger("ray.serve")

T = TypeVar("T")

Handle = DeploymentHandle[Any]
AudioRef = ObjectRef[Samples]


PAUSES = (0.5, 2.0)
"""Seconds before a call is made again whose replica has died. A call that kills three is what kills them."""
BUSY = 0.5
"""Seconds, on average, until a stage whose queue is full is asked again."""


async def call_with_retry(call: Callable[[], Awaitable[T]]) -> T:
    """What the stage answers, also where it is too busy to be asked, or where the replica dies that was.

    Serve sends a call to another replica only as long as none has begun with it. Ours change nothing, and may begin twice.
    """
    pauses = iter(PAUSES)
    while True:
        try:
            return await call()
        except BackPressureError:  # whoever waits here was accepted, and has a bounded number of calls on their way
            pause = BUSY * random.uniform(0.5, 1.5)
        except RayActorError as error:
            if (again := next(pauses, None)) is None:
                raise
            logger.warning("A replica died while it was asked, and another one is: %s", error)
            pause = again
        await asyncio.sleep(pause)


@dataclass(frozen=True, slots=True)
class RemoteTranscriber:
    handle: Handle
    urgent: bool = False

    async def find_speech(self, audio: AudioRef) -> Sequence[Span]:
        return await call_with_retry(lambda: self.handle.find_speech.remote(audio))

    async def transcribe(self, audio: AudioRef, window: Span, language: str | None) -> Sequence[Utterance]:
        return await call_with_retry(lambda: self.handle.transcribe.remote(audio, window, language, self.urgent))


@dataclass(frozen=True, slots=True)
class RemoteDiarizer:
    handle: Handle

    async def observe(self, audio: AudioRef, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        return await call_with_retry(lambda: self._observe(audio, shard, progress))

    async def _observe(self, audio: AudioRef, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        reports = self.handle.options(stream=True).observe.remote(audio, shard)
        found: Observation | None = None
        # To the end, for until then the replica counts as busy.
        async for item in cast(AsyncIterator[float | Observation], reports):
            if isinstance(item, Observation):
                found = item
            else:
                await progress(item)
        if found is None:
            raise RuntimeError("The diarizer ended without a result; it was stopped. Send the recording again.")
        return found

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await call_with_retry(lambda: self.handle.cluster.remote(observations, hint))


@dataclass(frozen=True, slots=True)
class RemoteEmbedder:
    handle: Handle
    urgent: bool = False

    async def embed(self, audio: AudioRef, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        return await call_with_retry(lambda: self.handle.embed.remote(audio, spans, heard))

    async def embed_each(self, audio: AudioRef, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return await call_with_retry(lambda: self.handle.embed_each.remote(audio, spans, self.urgent))


@dataclass(frozen=True, slots=True)
class RemoteEmotionRecognizer:
    handle: Handle
    urgent: bool = False

    async def recognize(self, audio: AudioRef, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await call_with_retry(lambda: self.handle.recognize.remote(audio, spans, self.urgent))


def wake(handles: Mapping[str, Handle]) -> None:
    """Have all stages started at once whose models have been let go; a recording calls some only when others are through."""
    for handle in handles.values():
        handle.status.remote()


def stages(handles: Mapping[str, Handle], *, urgent: bool = False) -> Stages[AudioRef]:
    """The stages behind these handles, by their names; `urgent` calls go before all others that wait for the same models."""
    return Stages(
        RemoteTranscriber(handles["transcriber"], urgent),
        RemoteDiarizer(handles["diarizer"]),
        RemoteEmbedder(handles["embedder"], urgent),
        RemoteEmotionRecognizer(handles["emotion"], urgent),
    )
