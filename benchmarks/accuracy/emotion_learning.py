"""Measure how corrections improve the emotions of a speaker. The dual detector is run on actors.

    python -m benchmarks.accuracy.emotion_learning --data DATA

DATA holds `emotion/ravdess`, which the embedded emotion model was not trained on. Each of an actor's utterances of an emotion
is held out once; one to three of the others form the profile, as if a user had corrected them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.accuracy.emotion_corpora import acted
from benchmarks.harness.command import DATA, Data, run
from engines.emotions import engine
from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.resolver import resolve
from pipeline.emotion.dual_detector import LIMITS, Profile, SegmentFeatures, SpeakerEmotionProfiles, decide
from pipeline.emotion.feeling import baseline, feeling
from pipeline.emotion.rules import CONTRACT, Decision, Limits
from pipeline.identity.thresholds import default_threshold
from pipeline.types import Vector
from settings import Settings

CORRECTIONS = 3
FOLDS = 4
"""Utterances of most emotions; neutral, calm among it, has six, of which one or two are held out."""
SWEEP = (0.50, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90)
COMBINATIONS = 35
"""Of emotions that have a profile; all of them up to this many."""


@dataclass(frozen=True)
class Utterance:
    actor: str
    truth: str
    heard: SegmentFeatures


@dataclass(frozen=True)
class Outcome:
    utterance: Utterance
    decision: Decision

    @property
    def right(self) -> bool:
        return self.decision.label == self.utterance.truth

    @property
    def general_right(self) -> bool:
        return self.utterance.heard.label == self.utterance.truth

    @property
    def rule(self) -> str:
        """The reason without the names in it."""
        reason = str(self.decision.breakdown and self.decision.breakdown["final_decision"]["reason"])
        return "Matched voice profile" if reason.startswith("Matched") else reason.partition(":")[0]


def utterances(data: Path, settings: Settings) -> list[Utterance]:
    """The features of every utterance, and the general answer relative to the actor's other utterances."""
    weights, voices = resolve("emotion", settings, gpu=False), resolve("embedding", settings, gpu=False)
    embed = SpeakerEmbedding(voices.path, threads=settings.cpu_threads).embed
    recognizer = engine.load(weights, threads=settings.cpu_threads)
    clips = list(acted(data / "emotion/ravdess", "actor"))
    print(f"{weights.name}, {voices.name}, {len(clips)} utterances", flush=True)
    heard = [recognizer.recognize([clip])[0] for clip, _, _ in clips]
    scores: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for (_, _, actor), found in zip(clips, heard, strict=True):
        scores[actor].append(found.scores)
    usual = {actor: baseline(known) for actor, known in scores.items()}
    result = []
    for (clip, label, actor), found in zip(clips, heard, strict=True):
        felt = feeling(found.scores, found.model, usual[actor])
        features = SegmentFeatures(felt.label, felt.confidence, found.vector, found.model, embed(clip), voices.name)
        result.append(Utterance(actor, label, features))
    return result


def profile(label: str, corrected: Sequence[Utterance]) -> Profile:
    """The profile that the corrections form."""
    heard = [utterance.heard for utterance in corrected]
    return Profile(
        label,
        _mean([one.vector for one in heard]),
        str(heard[0].model),
        len(heard),
        voice_vector=_mean([one.voice for one in heard]),
        voice_model=heard[0].voice_model,
        voice_sample_count=len(heard),
    )


def _mean(vectors: Sequence[Vector | None]) -> Vector:
    mean = np.mean([vector for vector in vectors if vector is not None], axis=0, dtype=np.float64)
    return np.asarray(mean, dtype=np.float32)


def trials(
    found: Sequence[Utterance], known: int, corrections: int
) -> Iterator[tuple[list[Utterance], SpeakerEmotionProfiles]]:
    """The utterances that are held out, and what is known of their speaker: profiles of `known` emotions at a time.

    The references independent of emotion are realistic: all speech of the recording, and a calm sample.
    """
    of_actor: dict[str, dict[str, list[Utterance]]] = defaultdict(lambda: defaultdict(list))
    for utterance in found:
        of_actor[utterance.actor][utterance.truth].append(utterance)
    for actor, labels in of_actor.items():
        for fold in range(FOLDS):
            held = [utterance for said in labels.values() for utterance in said[fold::FOLDS]]
            rest = {label: [u for i, u in enumerate(said) if i % FOLDS != fold][:corrections] for label, said in labels.items()}
            profiles = [profile(label, said) for label, said in sorted(rest.items())]
            everything = _mean([u.heard.voice for said in rest.values() for u in said])
            calm = _mean([u.heard.voice for u in rest["neutral"]])
            references = [(vector, str(held[0].heard.voice_model)) for vector in (everything, calm)]
            for some in list(combinations(profiles, known))[:COMBINATIONS]:
                yield held, SpeakerEmotionProfiles(actor, some, references=references)


def detect(
    found: Sequence[Utterance],
    known: int,
    limits: Limits | None = None,
    emotion_threshold: float = 0.6,
    corrections: int = CORRECTIONS,
) -> list[Outcome]:
    """The dual detector at the speaker threshold of the embedding model, with its limits unless others are given."""
    voice_model = str(found[0].heard.voice_model)
    chosen = LIMITS if limits is None else {voice_model: limits}
    outcomes = []
    for held, personality in trials(found, known, corrections):
        thresholds = {"emotion_threshold": emotion_threshold, "speaker_threshold": default_threshold(voice_model)}
        decisions = decide([utterance.heard for utterance in held], personality, limits=chosen, **thresholds)
        outcomes += [Outcome(utterance, decision) for utterance, decision in zip(held, decisions, strict=True)]
    return outcomes


def accuracy(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([outcome.right for outcome in outcomes]))


def _gain(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.right - outcome.general_right for outcome in outcomes)


def _rules(title: str, outcomes: Sequence[Outcome]) -> None:
    print(f"\n| {title} | utterances | right before | right after | gain |\n|---|---|---|---|---|")
    for rule, count in Counter(outcome.rule for outcome in outcomes).most_common():
        own = [outcome for outcome in outcomes if outcome.rule == rule]
        print(f"| {rule} | {count} | {sum(o.general_right for o in own)} | {sum(o.right for o in own)} | {_gain(own):+} |")


def report(found: Sequence[Utterance]) -> None:
    emotions = len({utterance.truth for utterance in found})
    outcomes = detect(found, emotions)
    print("\n| actor | utterances | general | dual | gain |\n|---|---|---|---|---|")
    for actor in [*sorted({utterance.actor for utterance in found}), "all"]:
        own = [outcome for outcome in outcomes if actor in (outcome.utterance.actor, "all")]
        before, after = float(np.mean([outcome.general_right for outcome in own])), accuracy(own)
        print(f"| {actor} | {len(own)} | {before:.1%} | {after:.1%} | {100 * (after - before):+.1f} |")

    fallen = {actor for actor in {u.actor for u in found} if _gain([o for o in outcomes if o.utterance.actor == actor]) < 0}
    _rules("rule", outcomes)
    _rules("rule, of the actors with whom it falls", [o for o in outcomes if o.utterance.actor in fallen])
    _rules("rule, at the reference system's numbers", detect(found, emotions, CONTRACT))

    print("\n| corrections of each emotion | dual | actors at 80 % and more |\n|---|---|---|")
    for corrections in range(1, CORRECTIONS + 1):
        outcomes = detect(found, emotions, corrections=corrections)
        of_actor = [accuracy([o for o in outcomes if o.utterance.actor == actor]) for actor in {u.actor for u in found}]
        print(f"| {corrections} | {accuracy(outcomes):.1%} | {sum(share >= 0.8 for share in of_actor)} of {len(of_actor)} |")

    known = [1, 2, 4, emotions]
    print(f"\n| accuracy with profiles of | {' | '.join(map(str, known))} emotions |\n|---|{'---|' * len(known)}")
    share = f"{np.mean([utterance.heard.label == utterance.truth for utterance in found]):.1%}"
    print(f"| general | {' | '.join([share] * len(known))} |")
    settings = {"dual": None, "dual, reference system's numbers": CONTRACT}
    settings |= {f"dual, voices match and are strong from {at:.2f}": Limits(at, 0.80, at) for at in SWEEP}
    settings |= {f"dual, voices match from {at:.2f}, strong from 0.85": Limits(at, 0.80, 0.85) for at in (0.70, 0.75, 0.80)}
    for title, limits in settings.items():
        print(f"| {title} | {' | '.join(f'{accuracy(detect(found, n, limits)):.1%}' for n in known)} |")
    for threshold in (0.3, 0.45, 0.6, 0.75, 0.9):
        row = (f"{accuracy(detect(found, n, None, threshold)):.1%}" for n in known)
        print(f"| dual, emotion_threshold {threshold} | {' | '.join(row)} |")


def main(data: Data = DATA) -> None:
    report(utterances(data, Settings()))


if __name__ == "__main__":
    run(main)
