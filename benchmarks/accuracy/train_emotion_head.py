"""Train the head of `engines.emotions.whisper_emotion` on EmoDB and read speech, and print how to read its scores.

    python -m benchmarks.accuracy.train_emotion_head --data DATA --whisper WHISPER_BASE HEAD.npz

RAVDESS and AMI, which DATA also holds, are not trained on. `benchmarks.accuracy.emotion` measures the head.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.accuracy.emotion_corpora import EMODB, LIBRISPEECH, Corpus, load
from benchmarks.harness.command import DATA, Data, run
from engines.emotions.whisper_emotion import WhisperFeatures
from pipeline.emotion.feeling import log_score
from pipeline.emotion.rules import NEUTRAL

REGULARISATION = 0.03
"""scikit-learn's C. From 0.01 to 0.1 the accuracy on unseen speakers changes by less than 2 points."""
UNKNOWN_SEGMENTS = 3.0
"""A speaker's mean counts by its number of neutral clips, that of all speakers by this number."""


class Trained:
    """Multinomial logistic regression on standardised features without the mean of the speaker's neutral clips.

    Most of what people say is neutral, so that the mean of all that is stored of a speaker stands for that of neutral clips.
    The regression is linear: subtracting a speaker's mean logits has the same result as subtracting the mean features. So the
    head gives the logits of the features as they are, and `pipeline.emotion.feeling` subtracts what is usual for the speaker.
    """

    def __init__(self, corpus: Corpus) -> None:
        # Of the means of the speakers: otherwise who has the most clips would be the usual speaker.
        means = np.stack([corpus.features[corpus.speakers == s].mean(axis=0) for s in np.unique(corpus.speakers)])
        self.mean = means.mean(axis=0, dtype=np.float64)
        self.scale = corpus.features.std(axis=0, dtype=np.float64)
        # Balanced, so that the share of an emotion among the actors' sentences is not taken for its share in life.
        self.model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=3000)
        self.model.fit(relative(self.standardise(corpus.features), corpus), corpus.labels)

    @property
    def labels(self) -> NDArray[np.str_]:
        labels: NDArray[np.str_] = self.model.classes_
        return labels

    def standardise(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        standardised: NDArray[np.float64] = (features - self.mean) / self.scale
        return standardised

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities, shape (clips, labels), without regard to who speaks."""
        probabilities: NDArray[np.float64] = self.model.predict_proba(self.standardise(features))
        return probabilities

    def usual(self) -> dict[str, float]:
        """The mean logarithms of scores at the mean of the features."""
        scores = self.model.predict_proba(np.zeros((1, len(self.mean))))[0]
        return {str(label): log_score(score) for label, score in zip(self.labels, scores, strict=True)}

    def save(self, path: Path) -> None:
        scratch = path.with_name(path.name + ".tmp.npz")
        np.savez_compressed(
            scratch,
            labels=self.labels,
            mean=self.mean.astype(np.float32),
            scale=self.scale.astype(np.float32),
            weights=self.model.coef_.astype(np.float16),
            bias=self.model.intercept_.astype(np.float32),
        )
        scratch.replace(path)


def relative(standardised: NDArray[np.float64], corpus: Corpus) -> NDArray[np.float64]:
    """Features of each clip without the mean of its speaker's neutral ones, which counts the less the fewer these are."""
    found = standardised.copy()
    for speaker in np.unique(corpus.speakers):
        own = corpus.speakers == speaker
        neutral = own & (corpus.labels == NEUTRAL)
        found[own] -= standardised[neutral].sum(axis=0) / (neutral.sum() + UNKNOWN_SEGMENTS)
    return found


def main(
    whisper: Annotated[Path, typer.Option(help="A CTranslate2 conversion of Whisper base, multilingual.")],
    output: Path,
    data: Data = DATA,
    cache: Annotated[Path | None, typer.Option(help="File that keeps the features, which take minutes.")] = None,
    threads: int = 1,
) -> None:
    corpus = load(data, WhisperFeatures(whisper, threads=threads), cache)
    trained = Trained(corpus[np.isin(corpus.names, [EMODB, LIBRISPEECH])])
    trained.save(output)
    print(f"{output}: {output.stat().st_size} bytes; usual={trained.usual()}")


if __name__ == "__main__":
    run(main)
