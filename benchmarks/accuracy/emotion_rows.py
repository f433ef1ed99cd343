"""Emotion errors by corpus and class, as rows of the table of all figures: of heads that were trained without the corpus.

Ours compares a clip with the speaker's neutral ones; stock is the same head without them. Corpora and heads are those of
`emotion`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import emotion
from benchmarks.accuracy.emotion_corpora import EMODB, RAVDESS, load
from benchmarks.harness import figures
from engines.emotions.whisper_emotion import WhisperEmotion, WhisperFeatures
from engines.weights.resolver import resolve
from pipeline.emotion.feeling import CALIBRATIONS
from settings import Settings


def rows(data: Path, answers: Path) -> Iterator[figures.Row]:
    """Each emotion is as frequent as the others."""
    whisper = resolve("whisper", Settings(whisper_model="base"), gpu=False).path
    corpus = load(data, WhisperFeatures(whisper, threads=1), answers / "emotion.npz")
    even = replace(CALIBRATIONS[WhisperEmotion.name], neutral_odds=1.0)
    for train, test in ((EMODB, RAVDESS), (RAVDESS, EMODB)):
        ours = emotion.unheard(corpus, train, test, even, "neutral").errors
        stock = emotion.unheard(corpus, train, test, even, "none").errors
        yield figures.Row("emotion", f"{test}: mean of classes", ours, stock)
        for label in emotion.FOUR:
            pair = ([count for count in counts if count.kind == label] for counts in (ours, stock))
            yield figures.Row("emotion", f"{test}: {label}", *pair)
