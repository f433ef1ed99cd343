"""What the pipeline asks of its stages.

The stages are written once more as engines (a model in this process) and as deployments (the same engine on a Ray replica).
`Audio` is whatever the stage can get the samples from: the array itself in one process, a reference into Ray's object store in
the graph. The pipeline only hands it on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, Utterance, Voiceprint

Audio = TypeVar("Audio", contravariant=True)

Progress = Callable[[str, float], Awaitable[None]]
"""Called with a stage's name and the fraction of it that is done, 0 to 1."""


class Transcriber(Protocol[Audio]):
    async def find_speech(self, audio: Audio) -> Sequence[Span]:
        """Where somebody speaks, in order, no span longer than 30 s."""

    async def transcribe(self, audio: Audio, window: Span, language: str | None) -> Sequence[Utterance]:
        """The words of one window of at most 30 s; the language is detected where none is given."""


class Diarizer(Protocol[Audio]):
    async def observe(self, audio: Audio, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        """What there is to hear in one of `pipeline.transcript.windows.shards`; `progress` is told the fraction of it that
        is done."""

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        """Who speaks when in the whole recording, from the observations of all its shards in order."""


class SpeakerEmbedder(Protocol[Audio]):
    async def embed(self, audio: Audio, spans: Sequence[Span], heard: Voiceprint | None = None) -> Voiceprint:
        """The voice that speaks in all of `spans` together: `heard`, where this very model has made that already."""

    async def embed_each(self, audio: Audio, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        """The voice in each of `spans`, which are in order of time; None for one too short to know a voice by."""


class EmotionRecognizer(Protocol[Audio]):
    async def recognize(self, audio: Audio, spans: Sequence[Span]) -> Sequence[Emotion]:
        """The emotion of each span."""


@dataclass(frozen=True)
class Stages(Generic[Audio]):
    """One of each: all that it takes to process a recording."""

    transcriber: Transcriber[Audio]
    diarizer: Diarizer[Audio]
    embedder: SpeakerEmbedder[Audio]
    emotion: EmotionRecognizer[Audio]
