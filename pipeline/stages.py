"""The protocols of the stages.

There are two implementations: engines in this process (`engines.in_process`), and handles of deployments that run the same
engines on Ray replicas (`deployments.handles`). `Audio` is what a stage reads the samples from: the array itself in one
process, a reference into Ray's object store in the graph. The pipeline only passes it on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, TextVectors, Utterance, Voiceprint

Audio = TypeVar("Audio", contravariant=True)

Progress = Callable[[str, float], Awaitable[None]]
"""Called with the name of a stage and the fraction of it that is done, 0 to 1."""


class Transcriber(Protocol[Audio]):
    async def find_speech(self, audio: Audio) -> Sequence[Span]:
        """Spans of speech in order, none longer than 30 s."""

    async def detect_language(self, audio: Audio, window: Span, decoding: Decoding = PLAIN) -> str:
        """The language of most of a window of at most 30 s, in a small part of the time of `transcribe`."""

    async def transcribe(
        self, audio: Audio, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        """The utterances of one window of at most 30 s. The language is detected where `language` is None."""

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        """Those of the decoding's hot words for which its model has room, in order."""


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


class TextEmbedder(Protocol):
    """Raises TextsNotEmbeddedError where there is no model."""

    async def embed_query(self, text: str) -> TextVectors:
        """The vector of what someone searches for."""

    async def embed_passages(self, texts: Sequence[str]) -> TextVectors:
        """The vectors of what is to be found. A call has at most some hundred texts."""


NO_MODEL = "none"
"""What a text embedder without a model says in place of its name."""


class TextsNotEmbeddedError(Exception):
    """Texts cannot be embedded now; the message says why, and what to do."""


@dataclass(frozen=True)
class Stages(Generic[Audio]):
    """All stages: those that process a recording, and the one that reads texts."""

    transcriber: Transcriber[Audio]
    diarizer: Diarizer[Audio]
    embedder: SpeakerEmbedder[Audio]
    emotion: EmotionRecognizer[Audio]
    text: TextEmbedder | None = field(default=None, kw_only=True)
    """None: search by words only."""
