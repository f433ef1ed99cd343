"""Transcripts for tests to store."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Emotion, Participant, Segment, Transcript, Turn, Vector, Voiceprint, Word
from pipeline.voice_settings import VoiceSettings

MODEL = "test-embedder"
VOICE = VoiceSettings(
    speaker_threshold=0.5, context_padding=0.15, silence_duration=0.5, filter_hallucinations=True, emotion_threshold=0.6
)
RULES = IdentityPolicy(MODEL, VOICE)


async def read_rules(_session: AsyncSession) -> IdentityPolicy:
    """`RULES`, for functions that read the policy in their transaction."""
    return RULES


def voice(seed: int, dimension: int = 256) -> Vector:
    """A unit vector; those of two seeds are nearly orthogonal."""
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def near(vector: Vector, cosine: float) -> Vector:
    """A unit vector at the given cosine similarity to `vector`."""
    other = voice(999, len(vector))
    other = other - (other @ vector) * vector
    turned: Vector = (cosine * vector + (1 - cosine**2) ** 0.5 * other / np.linalg.norm(other)).astype(np.float32)
    return turned


def transcript(
    voices: Sequence[Vector | None], lines: int = 4, model: str = MODEL, turns: Sequence[Turn] | None = None
) -> Transcript:
    """A participant for each voice, with `lines` segments of two seconds in alternation."""
    labels = [f"SPEAKER_{i:02d}" for i in range(len(voices))]
    segments = tuple(
        Segment(
            start=2.0 * i,
            end=2.0 * i + 1.5,
            speaker=labels[i % len(labels)],
            words=(Word(" Line", 2.0 * i, 2.0 * i + 0.5, 0.9), Word(f" {i}.", 2.0 * i + 0.5, 2.0 * i + 1.5, 0.8)),
            avg_logprob=-0.2,
            overlap=i == 1,
            emotion=Emotion("happy", 0.75, {"happy": 0.75, "neutral": 0.25}, voice(i, 1024), "test-emotion"),
        )
        for i in range(lines)
    )
    return Transcript(
        duration=2.0 * lines + 1,
        language="en",
        segments=segments,
        participants=tuple(
            Participant(label, 10.0, None if vector is None else Voiceprint(vector, model))
            for label, vector in zip(labels, voices, strict=True)
        ),
        turns=tuple(turns) if turns is not None else tuple(Turn(s.start, s.end, s.speaker) for s in segments),
    )
