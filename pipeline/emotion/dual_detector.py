"""The dual detector: the emotion of a segment, given the emotion profiles of its speaker.

The general model answers first. If the speaker has profiles, two detectors follow: one compares the segment's emotion vector
with the profiles, the other compares its voice embedding. `pipeline.emotion.rules` decides between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.emotion.feeling import fraction
from pipeline.emotion.rules import CONTRACT, UNKNOWN, Decision, Evidence, Limits, judge
from pipeline.types import EMOTIONS, Vector

MIN_VOICE_SAMPLES = 3
"""Corrections from which a profile's voice vector counts."""


LIMITS: dict[str, Limits] = {
    # Measured by benchmarks/accuracy/emotion_learning.py: one speaker in two emotions is more similar than two speakers. With
    # the reference system's numbers and the speaker threshold of 0.50, the first profile of a speaker lowers the accuracy from
    # 65 % to 34 %, since nearly every segment matches it; profiles of all seven emotions give 69 %. At 0.80 one profile changes
    # it by less than half a point, and seven give 72 %; at 0.70 it is 55 % and 76 %.
    "wespeaker-resnet34": Limits(match=0.80, agree=0.80, strong=0.80),
}
"""By embedding model; `CONTRACT` for the others."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One emotion of a speaker: mean vectors of `sample_count` and `voice_sample_count` corrected segments."""

    emotion: str
    vector: Vector
    model: str
    sample_count: int
    confidence_threshold: float | None = None
    voice_vector: Vector | None = None
    voice_model: str | None = None
    voice_sample_count: int = 0
    voice_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class SpeakerEmotionProfiles:
    """The emotion profiles of a speaker. `references` are the reference embeddings of the voice, each with its model's name."""

    name: str
    profiles: Sequence[Profile] = ()
    emotion_threshold: float | None = None
    references: Sequence[tuple[Vector, str]] = ()


@dataclass(frozen=True, slots=True)
class SegmentFeatures:
    """Model outputs for a segment: the general model's answer, and the vectors with their models' names."""

    label: str
    confidence: float
    vector: Vector | None = None
    model: str | None = None
    voice: Vector | None = None
    voice_model: str | None = None


def canonical(label: str) -> str:
    """Normalise the spelling of a label. Raises ValueError, listing the nine labels, if it is none of them."""
    plain = label.strip().lower()
    plain = UNKNOWN if plain in ("<unk>", "unk") else plain
    if plain not in EMOTIONS:
        raise ValueError(f"There is no emotion {label[:40]!r} here: use one of {', '.join(EMOTIONS)}.")
    return plain


def decide(
    segments: Sequence[SegmentFeatures],
    speaker: SpeakerEmotionProfiles,
    *,
    emotion_threshold: float,
    speaker_threshold: float,
    limits: Mapping[str, Limits] = LIMITS,
) -> list[Decision]:
    """The emotion of each segment of one speaker, by a few matrix products for all of them.

    An emotion similarity counts above the threshold of the profile, else of the speaker, else `emotion_threshold`. A voice
    similarity counts above the threshold of the profile, else of the embedding model in `limits`, and never below
    `speaker_threshold`. Vectors of two models or sizes are not compared; a zero or non-finite vector is `Invalid
    embeddings`. Of
    equally close profiles the first in alphabetical order counts.
    """
    if not speaker.profiles:
        return [Decision(*_answer(segment)) for segment in segments]
    profiles = sorted(speaker.profiles, key=lambda profile: profile.emotion)
    emotions = similarities(
        [_pair(segment.vector, segment.model) for segment in segments],
        [_pair(profile.vector, profile.model) for profile in profiles],
    )
    active = [profile for profile in profiles if profile.voice_sample_count >= MIN_VOICE_SAMPLES and profile.voice_model]
    segment_voices = [_pair(segment.voice, segment.voice_model) for segment in segments]
    voices = similarities(segment_voices, [_pair(profile.voice_vector, profile.voice_model) for profile in active])
    to_references = similarities(segment_voices, list(speaker.references))
    scales = [limits.get(profile.voice_model or "", CONTRACT) for profile in active]
    first_limits = [_first(p.confidence_threshold, speaker.emotion_threshold, emotion_threshold) for p in profiles]
    second_limits = [
        _first(profile.voice_threshold, max(scale.match, speaker_threshold))
        for profile, scale in zip(active, scales, strict=True)
    ]
    decisions = []
    for row, segment in enumerate(segments):
        answer = _answer(segment)
        first = _closest(emotions[row], first_limits)
        second = _closest(voices[row], second_limits)
        known = to_references[row][np.isfinite(to_references[row])]
        evidence = Evidence(
            general=answer,
            first=answer if first is None else (profiles[first].emotion, fraction(emotions[row, first])),
            second=None if second is None else (active[second].emotion, fraction(voices[row, second])),
            limits=CONTRACT if second is None else scales[second],
            valid=_valid(segment.vector) and _valid(segment.voice),
            matched=second is not None and known.size > 0 and bool(voices[row, second] > known.max()),
            name=speaker.name,
            matches=_matches(active, voices[row], second_limits),
        )
        decisions.append(judge(evidence))
    return decisions


def similarities(
    queries: Sequence[tuple[Vector, str] | None], known: Sequence[tuple[Vector, str] | None]
) -> NDArray[np.float64]:
    """Cosine similarities, shape (queries, known); NaN if a vector is missing, zero, or of another model."""
    found: NDArray[np.float64] = np.full((len(queries), len(known)), np.nan)
    for kind in {_kind(pair) for pair in known if pair is not None}:
        rows = [i for i, pair in enumerate(queries) if pair is not None and _kind(pair) == kind and _valid(pair[0])]
        columns = [i for i, pair in enumerate(known) if pair is not None and _kind(pair) == kind and _valid(pair[0])]
        if rows and columns:
            found[np.ix_(rows, columns)] = _units(queries, rows) @ _units(known, columns).T
    clipped: NDArray[np.float64] = np.clip(found, -1.0, 1.0)
    return clipped


def _answer(segment: SegmentFeatures) -> tuple[str, float]:
    """The general model's answer; emotion2vec writes `unknown` as `<unk>`."""
    return UNKNOWN if segment.label == "<unk>" else segment.label, fraction(segment.confidence)


def _units(pairs: Sequence[tuple[Vector, str] | None], chosen: Sequence[int]) -> NDArray[np.float64]:
    # Double precision: the squares of the largest and smallest float32 neither overflow nor vanish.
    vectors = np.stack([pair[0] for i in chosen if (pair := pairs[i]) is not None]).astype(np.float64)
    units: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _kind(pair: tuple[Vector, str]) -> tuple[str, int]:
    return pair[1], len(pair[0])


def _pair(vector: Vector | None, model: str | None) -> tuple[Vector, str] | None:
    return None if vector is None or model is None else (vector, model)


def _valid(vector: Vector | None) -> bool:
    return vector is None or bool(np.isfinite(vector).all() and vector.any())


def _first(*thresholds: float | None) -> float:
    return next(threshold for threshold in thresholds if threshold is not None)


def _closest(similar: NDArray[np.float64], limits: Sequence[float]) -> int | None:
    """Index of the most similar entry above its limit, or None; NaN is never above a limit."""
    above = np.where(similar > np.array(limits), similar, -np.inf)
    return int(above.argmax()) if above.size and np.isfinite(above).any() else None


def _matches(active: Sequence[Profile], similar: NDArray[np.float64], limits: Sequence[float]) -> list[dict[str, Any]] | None:
    compared = [
        {"emotion": profile.emotion, "similarity": float(value), "threshold": limit, "samples": profile.voice_sample_count}
        for profile, value, limit in zip(active, similar, limits, strict=True)
        if np.isfinite(value)
    ]
    return sorted(compared, key=lambda match: -float(str(match["similarity"]))) or None
