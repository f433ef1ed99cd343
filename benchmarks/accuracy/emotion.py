"""Measure the embedded emotion detector: on corpora outside its training first, then on unseen speakers of its own corpus.

    python -m benchmarks.accuracy.emotion --data DATA --whisper WHISPER_BASE [--cache FEATURES.npz] [--voices]

Heads are trained as `benchmarks.accuracy.train_emotion_head` trains the one in the package. They are read without baselines of
the speakers, with those of the speaker's other neutral clips, or of all other clips, which have more emotion than life.
Intervals are of 95 %, over resampled speakers. With `--voices` the features also have the speaker embedding of each clip, which
those of the program do not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy.emotion_corpora import AMI, EMODB, LIBRISPEECH, RAVDESS, Corpus, load
from benchmarks.accuracy.train_emotion_head import Trained
from benchmarks.harness import figures
from benchmarks.harness.command import DATA, Data, run
from engines.emotions.whisper_emotion import WhisperEmotion, WhisperFeatures
from engines.speaker_embedding import SpeakerEmbedding
from engines.weights.resolver import resolve
from pipeline.emotion.feeling import CALIBRATIONS, Calibration, Feeling, baseline, read_scores
from pipeline.emotion.rules import NEUTRAL
from pipeline.types import SAMPLE_RATE, Samples, Span, Vector
from settings import Settings

FOUR = ("angry", "happy", "neutral", "sad")
"""The emotions that both corpora have."""
Past = Literal["none", "neutral", "all"]
PASTS: Mapping[Past, str] = {"none": "no baseline", "neutral": "baseline of neutral clips", "all": "baseline of all clips"}
BINS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
"""Of confidence, in the reliability table."""


@dataclass(frozen=True)
class Heard:
    """A corpus, and what was found in each of its clips."""

    name: str
    truth: NDArray[np.str_]
    speakers: NDArray[np.str_]
    found: Sequence[Feeling]

    @property
    def labels(self) -> NDArray[np.str_]:
        return np.array([one.label for one in self.found])

    @property
    def errors(self) -> list[figures.Count]:
        """Of each clip; the unit is a speaker."""
        clips = zip(self.truth.tolist(), self.labels.tolist(), self.speakers.tolist(), strict=True)
        return [figures.Count(float(truth != label), 1.0, kind=truth, unit=speaker) for truth, label, speaker in clips]


def listen(head: Trained, corpus: Corpus, calibration: Calibration, past: Past) -> Heard:
    """Classify the clips as the application does, relative to what is stored of the speaker, the clip itself included."""
    scores = [dict(zip(head.labels.tolist(), row.tolist(), strict=True)) for row in head.scores(corpus.features)]
    found: list[Feeling] = []
    for index, speaker in enumerate(corpus.speakers):
        stored = (corpus.speakers == speaker) & ((past == "all") | (corpus.labels == NEUTRAL))
        stored[index] = True
        others = [scores[i] for i in np.flatnonzero(stored)] if past != "none" else []
        found.append(read_scores(scores[index], calibration, baseline(others) if others else None))
    return Heard(str(corpus.names[0]), corpus.labels, corpus.speakers, found)


def accuracies(heard: Heard) -> tuple[str, str]:
    """The share of clips that are right, and the mean of this share over the emotions, with their intervals."""
    right = [replace(clip, wrong=clip.total - clip.wrong) for clip in heard.errors]  # the rate of what is right
    return str(figures.rate([replace(clip, kind="") for clip in right])), str(figures.rate(right))


def area(heard: Heard, excited: Sequence[str], calm: Sequence[str], *, valence: bool = False) -> float:
    """How often activation (or valence) is higher in a clip of `excited` than in one of `calm`; chance is 50 %."""
    chosen = np.isin(heard.truth, [*excited, *calm])
    values = [(one.valence if valence else one.activation) or 0.0 for one in heard.found]
    return float(roc_auc_score(np.isin(heard.truth[chosen], excited), np.array(values)[chosen]))


def table(rows: Sequence[tuple[str, Heard]]) -> None:
    print(f"| trained on, tested on | weighted | unweighted | {' | '.join(FOUR)} | activation | valence |")
    print(f"|{'---|' * 9}")
    for title, heard in rows:
        labels = heard.labels
        right = [f"{(labels[heard.truth == emotion] == emotion).mean():.0%}" for emotion in FOUR]
        activation = area(heard, ("angry", "happy"), ("neutral", "sad"))
        valence = area(heard, ("happy",), ("angry", "sad"), valence=True)
        shares = " | ".join((*accuracies(heard), *right))
        print(f"| {title} | {shares} | {activation:.0%} | {valence:.0%} |")


def reliability(heard: Heard) -> None:
    confidence, right = np.array([one.confidence for one in heard.found]), heard.labels == heard.truth
    print("\n| confidence | clips | mean confidence | right |\n|---|---|---|---|")
    for low, high in pairwise(BINS):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            share = f"{confidence[inside].mean():.0%} | {right[inside].mean():.0%}"
            print(f"| {low:.1f} to {min(high, 1.0):.1f} | {inside.sum()} | {share} |")


def of_four(corpus: Corpus, *names: str) -> Corpus:
    """The clips of these corpora with the emotions that both have."""
    return corpus[np.isin(corpus.names, names) & np.isin(corpus.labels, FOUR)]


def unheard(corpus: Corpus, train: str, test: str, calibration: Calibration, past: Past) -> Heard:
    """A head that was trained without the corpus `test`."""
    head = Trained(of_four(corpus, train, LIBRISPEECH))
    return listen(head, of_four(corpus, test), replace(calibration, usual=head.usual()), past)


def unseen_speakers(corpus: Corpus, name: str, calibration: Calibration, past: Past) -> Heard:
    """Heads that were trained without the speaker."""
    everyone = of_four(corpus, name, LIBRISPEECH)
    parts = []
    for speaker in np.unique(everyone.speakers[everyone.names == name]):
        own = everyone.speakers == speaker
        head = Trained(everyone[~own])
        parts.append(listen(head, everyone[own], replace(calibration, usual=head.usual()), past))
    return Heard(
        name,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.speakers for part in parts]),
        [one for part in parts for one in part.found],
    )


def meetings(corpus: Corpus, calibration: Calibration) -> None:
    """The labels of turns of meetings."""
    head, turns = Trained(of_four(corpus, EMODB, LIBRISPEECH)), corpus[corpus.names == AMI]
    print(f"\n| {len(turns)} turns of meetings | labels |\n|---|---|")
    cases: Sequence[tuple[Past, float]] = [("none", 1.0), ("all", 1.0), ("none", calibration.neutral_odds)]
    for past, odds in (*cases, ("all", calibration.neutral_odds)):
        heard = listen(head, turns, replace(calibration, usual=head.usual(), neutral_odds=odds), past)
        shares = ", ".join(f"{label} {number / len(turns):.0%}" for label, number in Counter(heard.labels).most_common())
        print(f"| {PASTS[past]}, neutral {odds:.0f} times as frequent | {shares} |")


class WithVoice:
    """Features of a clip with its speaker embedding; zeros where it is too short for one."""

    def __init__(self, features: WhisperFeatures, threads: int) -> None:
        self._features = features
        self._voices = SpeakerEmbedding(resolve("embedding", Settings(), gpu=False).path, threads=threads)

    def __call__(self, clip: Samples) -> Vector:
        voice = self._voices.embed_each(clip, [Span(0.0, len(clip) / SAMPLE_RATE)])[0]
        return np.concatenate([self._features(clip), np.zeros(self._voices.dimension, np.float32) if voice is None else voice])


def main(
    whisper: Annotated[Path, typer.Option(help="A CTranslate2 conversion of Whisper base, multilingual.")],
    data: Data = DATA,
    cache: Annotated[Path | None, typer.Option(help="File that keeps the features, which take minutes.")] = None,
    threads: int = 1,
    voices: bool = False,
) -> None:
    features = WhisperFeatures(whisper, threads=threads)
    corpus = load(data, WithVoice(features, threads) if voices else features, cache)
    calibration = CALIBRATIONS[WhisperEmotion.name]
    even = replace(calibration, neutral_odds=1.0)
    print(f"{WhisperEmotion.name}: {len(corpus)} clips; each emotion as frequent as the others\n")
    rows = []
    for train, test in ((EMODB, RAVDESS), (RAVDESS, EMODB)):
        rows += [
            (f"{train}, never heard {test}: {name}", unheard(corpus, train, test, even, past)) for past, name in PASTS.items()
        ]
    rows += [
        (f"{EMODB}, its unseen speakers: {name}", unseen_speakers(corpus, EMODB, even, past)) for past, name in PASTS.items()
    ]
    table(rows)
    print(f"\nAs the application reads them: neutral {calibration.neutral_odds:.0f} times as frequent\n")
    table(
        [
            (f"{EMODB}, never heard {RAVDESS}: {name}", unheard(corpus, EMODB, RAVDESS, calibration, past))
            for past, name in PASTS.items()
        ]
    )
    for title, heard in (rows[1], rows[7]):
        print(f"\n{title}:")
        reliability(heard)
    meetings(corpus, calibration)


if __name__ == "__main__":
    run(main)
