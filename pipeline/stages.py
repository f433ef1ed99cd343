"""The protocols of the stages.

There are two implementations: engines in this process (`engines.in_process`), and handles of deployments that run the same
engines on Ray replicas (`deployments.handles`). `Audio` is what a stage reads the samples from: the array itself in one
process, a reference into Ray's object store in the graph. The pipeline only passes it on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, Utterance, Voiceprint

Audio = TypeVar("Audio", contravariant=True)

Progress = Callable[[str, float], Awaitable[None]]
"""Called with the name of a stage and the fraction of it that is done, 0 to 1."""


class Transcriber(Protocol[Audio]):
    async def find_speech(self, audio: Audio) -> Sequence[Span]:
        """Spans of speech in order, none longer than 30 s."""

    async def transcribe(
        self, audio: Audio, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        """The utterances of one window of at most 30 s. The language is detected where `language` is None."""


class Diarizer(Protocol[Audio]):
    async def observe(self, audio: Audio, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        """The observation of one of `pipeline.transcript.windows.shards`; `progress` gets the fraction that is done."""

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        """Who speaks when in the whole recording. `observations` are those of all shards in order."""


class SpeakerEmbedder(Protocol[Audio]):
    async def embed(self, audio: Audio, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        """The voiceprint of the speaker of all `spans`.

        `known` is the diarizer's voiceprint of that speaker; it is returned as it is where it is from this model.
        """

    async def embed_each(self, audio: Audio, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        """The voiceprint of each of `spans`, which are in order of time; None for a span that is too short."""


class EmotionRecognizer(Protocol[Audio]):
    async def recognize(self, audio: Audio, spans: Sequence[Span]) -> Sequence[Emotion]:
        """The emotion of each span."""


@dataclass(frozen=True)
class Stages(Generic[Audio]):
    """All stages that process a recording."""

    transcriber: Transcriber[Audio]
    diarizer: Diarizer[Audio]
    embedder: SpeakerEmbedder[Audio]
    emotion: EmotionRecognizer[Audio]
