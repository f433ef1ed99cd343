"""The vocabulary that every stage speaks. Times are seconds from the start of the recording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator

SAMPLE_RATE = 16_000
"""Hz. Every model here hears 16 kHz mono."""

Samples = NDArray[np.float32]
"""Mono samples at `SAMPLE_RATE`, shape (n,), nominally within [-1, 1]."""


def _to_vector(value: Any) -> NDArray[np.float32]:
    return np.asarray(value, np.float32)


Vector = Annotated[NDArray[np.float32], PlainValidator(_to_vector), PlainSerializer(np.ndarray.tolist, when_used="json")]
"""An embedding, shape (dimension,). The model that made it is always stored beside it.

In JSON it is a list of numbers, with all digits of each float32.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


def cut(audio: Samples, span: Span) -> Samples:
    """The samples of `span`, without copying them."""
    return audio[max(0, round(span.start * SAMPLE_RATE)) : max(0, round(span.end * SAMPLE_RATE))]


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the transcriber heard it. `text` keeps its leading space, so that joining words gives the sentence."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the transcriber heard in one go: a sentence or so, not yet anybody's."""

    words: tuple[Word, ...]
    avg_logprob: float
    """Mean log probability of the tokens (Whisper's confidence in the text)."""
    language: str
    """ISO 639-1 code."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody speaks. `speaker` is the diarizer's label, which means nothing outside its recording."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Diarization:
    """Who spoke when.

    `turns` may overlap; `exclusive` holds at most one speaker at a time and is what words are aligned with.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    voiceprints: "Mapping[str, Voiceprint]" = field(default_factory=dict)
    """What each speaker sounds like, where the diarizer's own embeddings may be compared with those of other recordings."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a diarizer finds in a shard of a recording: windows that slide over it, each with a few speakers of its own."""

    active: NDArray[np.uint8]
    """Whether a speaker speaks, shape (windows, frames, speakers)."""
    embeddings: NDArray[np.float32]
    """What that speaker sounds like, shape (windows, speakers, dimension); NaN for those who are silent."""


@dataclass(frozen=True, slots=True)
class SpeakerHint:
    """What the caller knows about the number of speakers; None where nothing is known."""

    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None


NO_HINT = SpeakerHint()


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """A voice as a vector (L2-normalised) and the name of the model that made it."""

    vector: Vector
    model: str


@dataclass(frozen=True, slots=True)
class Emotion:
    """How a stretch of speech sounds.

    `scores` holds a probability for each label that the model knows; `label` is its maximum and `confidence` that maximum.
    """

    label: str
    confidence: float
    scores: Mapping[str, float]
    vector: Vector
    model: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A line of the transcript: consecutive words of one speaker."""

    start: float
    end: float
    speaker: str
    """The label of a `Participant` of the same transcript."""
    words: tuple[Word, ...]
    avg_logprob: float
    overlap: bool = False
    """Somebody else speaks during this segment."""
    emotion: Emotion | None = None
    voice: Voiceprint | None = None
    """What this line sounds like; None where it is too short to know a voice by."""

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True, slots=True)
class Participant:
    """One voice in one recording."""

    label: str
    speech: float
    """Seconds of speech of this voice, overlapped speech included."""
    voiceprint: Voiceprint | None
    """None where there was too little clean speech to know the voice by."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that the stages found in a recording."""

    duration: float
    """Length of the recording."""
    language: str | None
    """None where nobody spoke."""
    segments: tuple[Segment, ...]
    participants: tuple[Participant, ...]
    turns: tuple[Turn, ...] = ()
    """The diarizer's turns, overlaps included."""


EMOTIONS = ("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown")
"""The nine labels that clients see, whichever model is running."""
