"""The rules that decide between the two emotion detectors, in order.

Rules and reason texts are those of the reference system, second version; its clients display the reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NEUTRAL, UNKNOWN = "neutral", "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for voice similarities (cosine); their scale depends on the embedding model."""

    match: float
    """A voice profile counts above it, or above `speaker_threshold` if that is stricter."""
    agree: float
    strong: float


CONTRACT = Limits(match=0.0, agree=0.80, strong=0.85)
"""Limits of the reference system for `pyannote/embedding`: only `speaker_threshold` decides what matches."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`breakdown` is the API's `detector_breakdown`; None if there was nothing to decide."""

    label: str
    confidence: float
    breakdown: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Input of the rules. `first` is the answer of the emotion detector, `second` that of the voice detector, if any."""

    general: tuple[str, float]
    first: tuple[str, float]
    second: tuple[str, float] | None
    limits: Limits = CONTRACT
    valid: bool = True
    matched: bool = False
    """The voice is closer to the profile of `second` than to any reference of the speaker."""
    name: str = ""
    matches: list[dict[str, Any]] | None = None
    """The compared voice profiles; None if there were none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`answer` and `reason` may use `second` only if `applies` requires it."""

    applies: Callable[[Evidence], bool]
    answer: Callable[[Evidence], tuple[str, float]]
    reason: str


def _second(e: Evidence) -> tuple[str, float]:
    assert e.second is not None
    return e.second


INVALID = Rule(lambda e: not e.valid, lambda e: e.general, "Invalid embeddings")
FAST = Rule(lambda e: e.matched, _second, "Matched {name}_{second} voice profile")

RULES: tuple[Rule, ...] = (
    INVALID,
    FAST,
    Rule(lambda e: e.first[0] in (NEUTRAL, UNKNOWN), lambda e: (NEUTRAL, e.first[1]), "emotion2vec neutral"),
    Rule(lambda e: e.second is None, lambda e: e.first, "emotion2vec only (no voice profile match)"),
    Rule(
        lambda e: e.first[0] == _second(e)[0] and e.first[1] > 0.70 and _second(e)[1] > e.limits.agree,
        lambda e: (e.first[0], (e.first[1] + _second(e)[1]) / 2),
        "Both agree",
    ),
    Rule(lambda e: _second(e)[1] > e.limits.strong, _second, "Voice strong: {second}"),
    Rule(
        lambda e: e.first[0] != _second(e)[0],
        lambda e: (NEUTRAL, max(e.first[1], _second(e)[1])),
        "Disagree: {first} vs {second}",
    ),
    Rule(lambda e: True, lambda e: e.first, "Agree low conf"),
)
"""The first rule that applies decides."""


def judge(evidence: Evidence) -> Decision:
    """Apply the first matching rule; the decision contains its reason."""
    rule = next(rule for rule in RULES if rule.applies(evidence))
    (label, confidence), second = rule.answer(evidence), evidence.second
    reason = rule.reason.format(name=evidence.name, first=evidence.first[0], second=second and second[0])
    voice: dict[str, Any] | None = None
    if evidence.matches is not None:
        voice = {"emotion": second and second[0], "confidence": second[1] if second else 0.0}
        voice |= {} if rule is FAST else {"matches": evidence.matches}
    breakdown = {
        "emotion2vec_detector": {"emotion": evidence.first[0], "confidence": evidence.first[1]},
        "voice_profile_detector": voice,
        "final_decision": {
            "emotion": label,
            "confidence": confidence,
            "reason": reason,
            "voice_profile_available": voice is not None,
        },
    }
    return Decision(label, confidence, breakdown)
