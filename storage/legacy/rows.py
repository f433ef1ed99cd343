"""The rows of the reference system's database as this program understands them, and what of them it cannot take over."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from pipeline.emotion.dual_detector import canonical
from pipeline.names import Name
from pipeline.types import Vector, Word
from storage.legacy.sqlite_file import Row
from storage.legacy.values import flag, integer, json_value, moment, number, text, vector

VOICE_DIMENSION = 512
"""Of `pyannote/embedding`."""
EMOTION_DIMENSION = 1024
"""Of `emotion2vec_plus_large`."""
MAX_SECONDS = 1e7
MAX_TEXT_CHARS = 1_000_000
MAX_WORDS = 50_000
MAX_COUNT = 10**6
MAX_SENTENCES = 1000
"""Different ones in a list of losses: names in them are the file's."""
MORE = "More was left out or guessed."
NAMESPACE = UUID("5a3c9a0e-6d0e-4f0b-9b42-3a1f6f1d2c77")
"""Of the uuids of conversations that have none in their database."""

_name = TypeAdapter[str](Name)


class Losses:
    """What was left out or guessed: sentences, and how often each applies."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, sentence: str, count: int = 1) -> None:
        known = sentence in self._counts or len(self._counts) < MAX_SENTENCES
        self._counts[sentence if known else MORE] += count

    def extend(self, other: "Losses") -> None:
        for sentence, count in other._counts.items():
            self.add(sentence, count)

    def __iter__(self) -> Iterator[str]:
        for sentence, count in self._counts.items():
            yield sentence if count == 1 else f"{sentence} ({count} times)"


@dataclass(frozen=True, slots=True)
class LegacyEmotionProfile:
    speaker_id: int
    emotion: str
    vector: Vector
    sample_count: int
    confidence_threshold: float | None
    voice: Vector | None
    voice_sample_count: int
    voice_threshold: float | None
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class LegacySpeaker:
    id: int
    name: str
    voice: Vector | None
    emotion_threshold: float | None
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class LegacyConversation:
    id: int
    uuid: UUID
    title: str | None
    start_time: datetime | None
    end_time: datetime | None
    duration: float | None
    status: str
    audio_path: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class LegacySegment:
    id: int
    speaker_id: int | None
    speaker_name: str | None
    text: str
    start: float
    end: float
    confidence: float | None
    emotion: str | None
    emotion_confidence: float | None
    emotion_corrected: bool
    emotion_corrected_at: datetime | None
    emotion_misidentified: bool
    emotion_vector: Vector | None
    detector_breakdown: dict[str, Any] | None
    words: tuple[Word, ...] | None
    avg_logprob: float | None
    is_misidentified: bool


@dataclass(frozen=True, slots=True)
class LegacyLabel:
    segment_id: int
    speaker_name: str
    labeled_by: str | None
    notes: str | None
    labeled_at: datetime | None


def speaker(row: Row, losses: Losses) -> LegacySpeaker | None:
    id_ = integer(row["id"])
    if id_ is None:
        losses.add("A speaker without a valid id was left out.")
        return None
    found = name(row["name"])
    if found is None:
        found = f"Speaker {id_}"
        losses.add(f"Speaker {id_} has no valid name: it is called '{found}'.")
    voice = vector(row["embedding"], VOICE_DIMENSION)
    if voice is None and row["embedding"] is not None:
        losses.add(f"The voice of '{found}' is not {VOICE_DIMENSION} numbers, and was left out.")
    threshold = number(row["emotion_threshold"], 0, 1)
    return LegacySpeaker(id_, found, voice, threshold, moment(row["created_at"]), moment(row["updated_at"]))


def emotion_profile(row: Row, losses: Losses) -> LegacyEmotionProfile | None:
    speaker_id, found = integer(row["speaker_id"]), emotion(row["emotion_category"])
    mean = vector(row["embedding"], EMOTION_DIMENSION)
    if speaker_id is None or found is None or mean is None:
        losses.add(f"An emotion profile without a known emotion and {EMOTION_DIMENSION} numbers was left out.")
        return None
    voice = vector(row["voice_embedding"], VOICE_DIMENSION)
    if voice is None and row["voice_embedding"] is not None:
        losses.add(f"The voice of an emotion profile is not {VOICE_DIMENSION} numbers, and was left out.")
    return LegacyEmotionProfile(
        speaker_id,
        found,
        mean,
        _count(row["sample_count"]),
        number(row["confidence_threshold"], 0, 1),
        voice,
        0 if voice is None else _count(row["voice_sample_count"]),
        number(row["voice_threshold"], 0, 1),
        moment(row["created_at"]),
        moment(row["updated_at"]),
    )


def conversation(row: Row) -> LegacyConversation | None:
    id_ = integer(row["id"])
    if id_ is None:
        return None
    return LegacyConversation(
        id=id_,
        uuid=_uuid(row),
        title=text(row["title"], 2000),
        start_time=moment(row["start_time"]),
        end_time=moment(row["end_time"]),
        duration=number(row["duration"], 0, MAX_SECONDS),
        status=text(row["status"], 100) or "",
        audio_path=text(row["audio_path"], 4096),
        created_at=moment(row["created_at"]),
    )


def segment(row: Row, losses: Losses) -> LegacySegment | None:
    id_ = integer(row["id"])
    start, end = (number(row[key], 0, MAX_SECONDS) for key in ("start_offset", "end_offset"))
    if id_ is None or start is None or end is None or end < start:
        losses.add("A segment without valid times was left out.")
        return None
    felt = emotion(row["emotion_category"])
    if felt is None and row["emotion_category"] is not None:
        losses.add("The emotion of a segment is none that is known, and was left out.")
    spoken = words(row["words_data"])
    if spoken is None and row["words_data"]:
        losses.add("The words' times of a segment cannot be read, and were left out.")
    breakdown = json_value(row["detector_breakdown"])
    return LegacySegment(
        id=id_,
        speaker_id=integer(row["speaker_id"]),
        speaker_name=name(row["speaker_name"]),
        text=(text(row["text"], MAX_TEXT_CHARS) or "").strip(),
        start=start,
        end=end,
        confidence=number(row["confidence"], -1, 1),
        emotion=felt,
        emotion_confidence=None if felt is None else number(row["emotion_confidence"], 0, 1),
        emotion_corrected=felt is not None and flag(row["emotion_corrected"]),
        emotion_corrected_at=moment(row["emotion_corrected_at"]),
        emotion_misidentified=flag(row["emotion_misidentified"]),
        emotion_vector=vector(row["emotion_embedding"], EMOTION_DIMENSION),
        detector_breakdown=breakdown if isinstance(breakdown, dict) and _storable(row["detector_breakdown"]) else None,
        words=spoken,
        avg_logprob=number(row["avg_logprob"], -1000, 0),
        is_misidentified=flag(row["is_misidentified"]),
    )


def label(row: Row, losses: Losses) -> LegacyLabel | None:
    segment_id, found = integer(row["segment_id"]), name(row["true_speaker_name"])
    if segment_id is None or found is None:
        losses.add("A label without a segment and a name was left out.")
        return None
    by, notes = text(row["labeled_by"], 200), text(row["notes"], 2000)
    return LegacyLabel(segment_id, found, by, notes, moment(row["labeled_at"]))


def name(value: object) -> str | None:
    """A name as clients may write it; None where there is none."""
    try:
        return _name.validate_python(value, strict=True)
    except ValidationError:
        return None


def emotion(value: object) -> str | None:
    """One of the nine labels, where the reference system also writes `<unk>`."""
    if not isinstance(value, str):
        return None
    try:
        return canonical(value)
    except ValueError:
        return None


def words(value: object) -> tuple[Word, ...] | None:
    """None where one of them has no valid times."""
    found = json_value(value)
    if not isinstance(found, list) or len(found) > MAX_WORDS:
        return None
    parsed = [_word(one) for one in found]
    return tuple(word for word in parsed if word is not None) if parsed and None not in parsed else None


def _word(value: object) -> Word | None:
    if not isinstance(value, dict):
        return None
    spoken = text(value.get("word"), 1000)
    start, end = (number(value.get(key), 0, MAX_SECONDS) for key in ("start", "end"))
    probability = number(value.get("probability"), 0, 1)
    if spoken is None or start is None or end is None or end < start or probability is None:
        return None
    return Word(spoken, start, end, probability)


def _count(value: object) -> int:
    return min(integer(value) or 1, MAX_COUNT)


def _storable(raw: str) -> bool:
    """JSON that PostgreSQL can store: no escape of NUL or of a surrogate, and no number beyond float64's."""
    return not any(part in raw.lower() for part in ("\\u0000", "\\ud")) and len(raw) < 100_000


def _uuid(row: Row) -> UUID:
    """The same one whenever the file is read."""
    own = row["snapshot_uuid"]
    if isinstance(own, str) and len(own) == 36:
        try:
            return UUID(own)
        except ValueError:
            pass
    return uuid5(NAMESPACE, "\n".join(str(row[key])[:4096] for key in ("id", "start_time", "created_at", "audio_path")))
