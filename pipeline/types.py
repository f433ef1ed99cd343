"""The domain types. Times are seconds from the start of the recording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field, PlainSerializer, PlainValidator

SAMPLE_RATE = 16_000
"""Hz. Every model takes 16 kHz mono."""

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
    """An interval of time."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


def cut(audio: Samples, span: Span) -> Samples:
    """The samples of `span`, as a view."""
    return audio[max(0, round(span.start * SAMPLE_RATE)) : max(0, round(span.end * SAMPLE_RATE))]


@dataclass(frozen=True, slots=True)
class Word:
    """A transcribed word. `text` keeps its leading space, so that joining the words gives the sentence."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of the transcriber's output, about a sentence, not yet assigned to a speaker."""

    words: tuple[Word, ...]
    avg_logprob: float
    """Mean log probability of the tokens (Whisper's confidence in the text)."""
    language: str
    """ISO 639-1 code."""
    no_speech_prob: float = 0.0
    """The probability that its window has no speech."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An interval in which one speaker speaks. `speaker` is the diarizer's label, which is local to the recording."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Diarization:
    """The turns of a recording.

    `turns` may overlap; `exclusive` holds at most one speaker at a time and is what words are aligned with.
    """

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    voiceprints: "Mapping[str, Voiceprint]" = field(default_factory=dict)
    """By label, where the diarizer's own embeddings are comparable with those of other recordings."""
    missing: tuple[Span, ...] = ()
    """Parts of the recording that the diarizer failed on; they have no turns."""
    notes: "tuple[Note, ...]" = ()
    """On what failed."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The diarizer's result for a shard of a recording: sliding windows, each with a few local speakers."""

    active: NDArray[np.uint8]
    """Whether a speaker speaks, shape (windows, frames, speakers)."""
    embeddings: NDArray[np.float32]
    """The speakers' embeddings, shape (windows, speakers, dimension); NaN for silent ones."""


@dataclass(frozen=True, slots=True)
class SpeakerHint:
    """What the caller knows about the number of speakers; None where it is unknown."""

    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None

    @classmethod
    def checked(cls, num_speakers: int | None, min_speakers: int | None, max_speakers: int | None) -> Self:
        """A hint of a client. Raises ValueError where the numbers contradict each other."""
        if min_speakers and max_speakers and min_speakers > max_speakers:
            raise ValueError(f"min_speakers ({min_speakers}) must not be more than max_speakers ({max_speakers}).")
        if num_speakers and min_speakers and num_speakers < min_speakers:
            raise ValueError(f"num_speakers ({num_speakers}) must not be less than min_speakers ({min_speakers}).")
        if num_speakers and max_speakers and num_speakers > max_speakers:
            raise ValueError(f"num_speakers ({num_speakers}) must not be more than max_speakers ({max_speakers}).")
        return cls(num_speakers, min_speakers, max_speakers)


NO_HINT = SpeakerHint()

ChannelMode = Literal["auto", "separate", "mix"]
"""What becomes of the channels or tracks of a recording: `auto` keeps them apart only where they hold different speech."""

NoteKind = Literal["left_out", "speakers", "sound", "edits"]
"""What is not in the transcript; the number of speakers; the channels and tracks of the recording as it was stored; changes of
people that are not in a transcript that was made again."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was left out or changed when a recording was processed, in a sentence for the user."""

    kind: NoteKind
    message: str
    start: float | None = None
    """Seconds from the start of the recording; None where the note is about all of it."""
    end: float | None = None

    @property
    def text(self) -> str:
        """The message after its time."""
        if self.start is None or self.end is None:
            return self.message
        return f"{self.start:.1f} to {self.end:.1f} s: {self.message}"


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """An embedding of a voice (L2-normalised) and the name of the model that made it."""

    vector: Vector
    model: str


@dataclass(frozen=True, slots=True)
class TextVectors:
    """Embeddings of texts and the name of the model that made them. Near vectors mean the same."""

    vectors: NDArray[np.float32]
    """Shape (texts, dimension), each L2-normalised."""
    model: str
    cut: tuple[int, ...] = ()
    """Positions of the texts that are longer than the model reads; it has read their beginnings."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """The emotion of a piece of speech.

    `scores` holds a probability for each label of the model; `label` is the most probable one and `confidence` its probability.
    """

    label: str
    confidence: float
    scores: Mapping[str, float]
    vector: Vector
    model: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive words of one speaker, as the stages found them. Stored, it becomes a `ConversationSegment`."""

    start: float
    end: float
    speaker: str
    """The label of a `Participant` of the same transcript."""
    words: tuple[Word, ...]
    avg_logprob: float
    overlap: bool = False
    """Another speaker speaks during this segment."""
    channel: int | None = None
    """Of the recording, from 1; None where the channels are mixed."""
    language: str | None = None
    """Code of the language spoken."""
    no_speech_prob: float = 0.0
    """The transcriber's probability that there is no speech."""
    emotion: Emotion | None = None
    voice: Voiceprint | None = None
    """Of this segment alone; None where it is too short for one."""

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSegment:
    """A segment of a conversation as all interfaces show it: under the present name of its speaker, with corrections.

    Offsets are seconds from the start of the recording, times UTC.
    """

    id: int
    conversation_id: int
    participant_id: int
    speaker_id: int | None
    """None for a participant that is no known speaker; its name is local to the conversation."""
    speaker_name: str
    is_known: bool = False
    """A person has named the speaker."""
    text: str
    start_time: datetime
    end_time: datetime
    start_offset: float
    end_offset: float
    confidence: float | None = None
    """Cosine similarity to the speaker; None for a voice that was new, 1.0 where a person identified the speaker."""
    speaker_probability: float | None = None
    """The probability of the speaker at that similarity; None where there is no similarity or the model is not calibrated."""
    words: tuple[Word, ...] | None = None
    edited_at: datetime | None = None
    """When a person changed its text or its bounds; None where it is as the program wrote it."""
    avg_logprob: float | None = None
    overlap: bool = False
    channel: int | None = None
    """Of the recording, from 1; None where its channels are mixed."""
    language: str | None = None
    """Code of the language spoken; None where nothing was transcribed, or where it was not stored."""
    is_misidentified: bool = False
    emotion_category: str | None = None
    emotion_confidence: float | None = None
    activation: float | None = None
    """How excited the speaker sounds, -1 to 1; None where the emotion was not detected."""
    valence: float | None = None
    """How pleasant, -1 to 1."""
    emotion_scores: dict[str, float] | None = None
    emotion_corrected: bool = False
    emotion_corrected_at: datetime | None = None
    emotion_misidentified: bool = False
    detector_breakdown: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """One voice in one recording."""

    label: str
    speech_seconds: Annotated[float, Field(validation_alias=AliasChoices("speech_seconds", "speech"))]
    """Duration of its speech, overlapped speech included. Stage results that are stored may have the former name."""
    voiceprint: Voiceprint | None
    """None where there is too little clean speech for one."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The results of all stages for a recording."""

    duration: float
    """Length of the recording."""
    language: str | None
    """None where there is no speech."""
    segments: tuple[Segment, ...]
    participants: tuple[Participant, ...]
    turns: tuple[Turn, ...] = ()
    """The diarizer's turns, overlaps included."""
    notes: tuple[Note, ...] = ()
    hotwords: tuple[str, ...] = ()
    """Those that the transcriber has read."""
    hotword_names: tuple[str, ...] = ()
    """Those of them that are names of speakers alone, and not in a list of a person."""


EMOTIONS = ("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown")
"""The nine labels of the API, whichever model is running."""
