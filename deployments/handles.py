"""Remote stages: handles of deployments; recordings are references into Ray's object store."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from ray import ObjectRef
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from deployments.stages.call_limit import CallLimit
from pipeline.concurrency import is_cancelling
from pipeline.decoding import PLAIN, Decoding
from pipeline.faults import STOPPED, DeviceError
from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Samples, Span, SpeakerHint, TextVectors, Utterance, Voiceprint

logger = logging.getLogger("ray.serve")

T = TypeVar("T")

Handle = DeploymentHandle[Any]
AudioRef = ObjectRef[Samples]

RETRY_DELAYS_S = (0.5, 2.0)
"""Delays before a call is repeated after its replica died or stopped it. A call that kills three replicas is given up."""
BACKPRESSURE_DELAY_S = 0.5
"""Mean delay before a call to a stage with a full queue is repeated."""


class CallStoppedError(DeviceError):
    """A replica stopped a call before it had a result."""


async def result_of(call: Awaitable[T]) -> T:
    """The result of a call. Raises CallStoppedError where its replica stopped it.

    Serve raises CancelledError then, though this task is not cancelled: it would end the caller as if it were.
    """
    try:
        return await call
    except asyncio.CancelledError as error:
        if is_cancelling():
            raise
        raise CallStoppedError(STOPPED) from error


async def call_with_retry(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat the call while the stage's queue is full, and after its replica died or stopped it.

    Serve itself retries a call only until a replica has started it. Calls to our stages have no side effects and may run twice.
    """
    delays = iter(RETRY_DELAYS_S)
    while True:
        try:
            return await result_of(call())
        except BackPressureError:  # the number of calls that wait here is bounded by the recordings in work
            delay = BACKPRESSURE_DELAY_S * random.uniform(0.5, 1.5)
        except (RayActorError, CallStoppedError) as error:
            if (next_delay := next(delays, None)) is None:
                raise
            logger.warning("A replica died during a call, or stopped it; calling again: %s", error)
            delay = next_delay
        await asyncio.sleep(delay)


class _Stage:
    """Limits the calls for recordings to a stage; urgent calls are not limited."""

    calls_per_replica: ClassVar[int]
    """Calls for recordings that a process sends at a time, for each replica: half as many again as `target_ongoing_requests` in
    serve_config.yaml. With fewer than the target Serve would start no further replica."""

    def __init__(self, handle: Handle, urgent: bool = False) -> None:
        self.handle = handle
        self.urgent = urgent
        self._limit = CallLimit(handle.deployment_id, self.calls_per_replica)

    async def _call(self, audio: AudioRef, call: Callable[[], Awaitable[T]]) -> T:
        """One of the many calls for a recording."""
        async with nullcontext() if self.urgent else self._limit.take(audio.hex()):
            return await call_with_retry(call)


class RemoteTranscriber(_Stage):
    calls_per_replica = 48  # three batches of a GPU

    async def find_speech(self, audio: AudioRef) -> Sequence[Span]:
        return await call_with_retry(lambda: self.handle.find_speech.remote(audio, self.urgent))

    async def detect_language(self, audio: AudioRef, window: Span, decoding: Decoding = PLAIN) -> str:
        handle = self._handle(decoding)
        return await call_with_retry(lambda: handle.detect_language.remote(audio, window, self.urgent))

    async def transcribe(
        self, audio: AudioRef, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        handle = self._handle(decoding)
        return await self._call(audio, lambda: handle.transcribe.remote(audio, window, language, decoding, self.urgent))

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        handle = self._handle(decoding)
        return await call_with_retry(lambda: handle.hotwords_read.remote(decoding))

    def _handle(self, decoding: Decoding) -> Handle:
        return self.handle.options(multiplexed_model_id=decoding.model) if decoding.model else self.handle


class RemoteDiarizer(_Stage):
    calls_per_replica = 6

    async def observe(self, audio: AudioRef, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        return await self._call(audio, lambda: self._observe(audio, shard, progress))

    async def _observe(self, audio: AudioRef, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        reports = self.handle.options(stream=True).observe.remote(audio, shard, self.urgent)
        found: Observation | None = None
        # Read the stream to its end: until then the router counts the replica as busy.
        async for item in cast(AsyncIterator[float | Observation], reports):
            if isinstance(item, Observation):
                found = item
            else:
                await progress(item)
        if found is None:
            raise DeviceError("The diarizer ended without a result; it was stopped. Send the recording again.")
        return found

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return await call_with_retry(lambda: self.handle.cluster.remote(observations, hint, self.urgent))


class RemoteEmbedder(_Stage):
    calls_per_replica = 12

    async def embed(self, audio: AudioRef, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return await self._call(audio, lambda: self.handle.embed.remote(audio, spans, known, self.urgent))

    async def embed_each(self, audio: AudioRef, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return await self._call(audio, lambda: self.handle.embed_each.remote(audio, spans, self.urgent))


class RemoteEmotionRecognizer(_Stage):
    calls_per_replica = 12

    async def recognize(self, audio: AudioRef, spans: Sequence[Span]) -> Sequence[Emotion]:
        return await self._call(audio, lambda: self.handle.recognize.remote(audio, spans, self.urgent))


@dataclass(frozen=True, slots=True)
class RemoteTextEmbedder:
    handle: Handle

    async def embed_query(self, text: str) -> TextVectors:
        return await call_with_retry(lambda: self.handle.embed_query.remote(text))

    async def embed_passages(self, texts: Sequence[str]) -> TextVectors:
        return await call_with_retry(lambda: self.handle.embed_passages.remote(texts))


def wake(handles: Mapping[str, Handle]) -> None:
    """Start all stages that have scaled down to zero; a recording would otherwise start them one after the other."""
    for handle in handles.values():
        handle.status.remote()


def stages(handles: Mapping[str, Handle], *, urgent: bool = False) -> Stages[AudioRef]:
    """The stages behind these handles, by name. A replica runs `urgent` calls before all others in its queue."""
    return Stages(
        RemoteTranscriber(handles["transcriber"], urgent),
        RemoteDiarizer(handles["diarizer"], urgent),
        RemoteEmbedder(handles["embedder"], urgent),
        RemoteEmotionRecognizer(handles["emotion"], urgent),
        text=RemoteTextEmbedder(handles["text"]),
    )
