"""Train the head of `engines.emotions.whisper_emotion`, and print its accuracy on unseen speakers and corpora.

    python -m benchmarks.accuracy.train_emotion_head --data DATA --whisper WHISPER_BASE --output HEAD.npz

DATA holds `emotion/ravdess`, `emotion/emodb_4emotions` (each with a `labels.csv`), `read_speech/librispeech_*` (readers' FLAC
files, named by reader) and `conversations/ami` (FLAC with RTTM), which is only classified, not trained on.
"""

import csv
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.harness.command import DATA, Data, run
from engines.emotions.judgement import audible
from engines.emotions.whisper_emotion import WhisperFeatures
from pipeline.types import SAMPLE_RATE, Samples

EMOTIONS = {
    "angry": "angry", "anger": "angry", "disgust": "disgusted", "fearful": "fearful", "happy": "happy", "happiness": "happy",
    "neutral": "neutral", "calm": "neutral", "sad": "sad", "sadness": "sad", "surprised": "surprised",
}  # fmt: skip
"""The corpora's names of emotions, and ours."""

CUT = 4 * SAMPLE_RATE
"""Read speech is cut to the length that an acted sentence has, or the head would learn length for neutrality."""

REGULARISATION = 0.03
"""scikit-learn's C. From 0.01 to 0.1 the accuracy on unseen speakers changes by less than 2 points."""

FOLDS = 10


@dataclass(frozen=True)
class Corpus:
    features: NDArray[np.float32]
    labels: NDArray[np.str_]
    speakers: NDArray[np.str_]
    names: NDArray[np.str_]
    """Of the corpus that each clip is from."""

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "Corpus":
        return Corpus(self.features[chosen], self.labels[chosen], self.speakers[chosen], self.names[chosen])


def acted(folder: Path, speaker: str) -> Iterator[tuple[Samples, str, str]]:
    """Clip, label and speaker of each row of a corpus; `speaker` names its column."""
    with (folder / "labels.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            yield _read(folder / row["file"]), EMOTIONS[row["emotion"]], row[speaker]


def read_aloud(folder: Path) -> Iterator[tuple[Samples, str, str]]:
    """Cuts of read speech, taken to be neutral. Without them, a head that knows actors alone calls most plain speech sad."""
    for file in sorted(folder.glob("librispeech_*/**/*.flac")):
        clip = _read(file)
        for start in range(0, max(1, len(clip) - CUT // 2), CUT):
            yield clip[start : start + CUT], "neutral", file.stem.partition("-")[0]


def meetings(folder: Path) -> Iterator[Samples]:
    """Turns of at least a second."""
    for table in sorted(folder.glob("*.rttm")):
        recording = _read(table.with_suffix(".flac"))
        for fields in map(str.split, table.read_text(encoding="utf-8").splitlines()):
            start, duration = float(fields[3]), float(fields[4])
            if duration >= 1:
                yield recording[int(start * SAMPLE_RATE) : int((start + duration) * SAMPLE_RATE)]


def _read(file: Path) -> Samples:
    samples: Samples
    samples, rate = soundfile.read(file, dtype="float32")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise SystemExit(f"{file} is not 16 kHz mono: convert it first.")
    return samples


def load(data: Path, extract: WhisperFeatures) -> Corpus:
    sources = {
        "RAVDESS": acted(data / "emotion/ravdess", "actor"),
        "EmoDB": acted(data / "emotion/emodb_4emotions", "speaker"),
        "LibriSpeech": read_aloud(data / "read_speech"),
    }
    rows = [
        (extract(heard), label, f"{name} {speaker}", name)
        for name, source in sources.items()
        for clip, label, speaker in source
        if (heard := audible(clip)) is not None
    ]
    features, labels, speakers, names = zip(*rows, strict=True)
    return Corpus(np.stack(features), np.array(labels), np.array(speakers), np.array(names))


def fit(corpus: Corpus) -> Pipeline:
    # Balanced, so that the share of an emotion among the actors' sentences is not taken for its share in life.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=2000))
    model.fit(corpus.features, corpus.labels)
    return model


def unseen_speakers(corpus: Corpus) -> NDArray[np.float64]:
    """Logits, shape (clips, classes), of each clip from a head that was trained without its speaker."""
    logits = np.zeros((len(corpus.labels), len(np.unique(corpus.labels))))
    for train, test in GroupKFold(FOLDS).split(corpus.features, groups=corpus.speakers):
        logits[test] = fit(corpus[np.isin(np.arange(len(logits)), train)]).decision_function(corpus.features[test])
    return logits


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of confidence (Guo et al. 2017, arXiv:1706.04599)."""
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def temperature(logits: NDArray[np.float64], labels: NDArray[np.str_], classes: NDArray[np.str_]) -> float:
    """The divisor of the logits at which their likelihood is highest (Guo et al. 2017)."""
    divisors = np.geomspace(0.2, 5, 401)
    losses = [log_loss(labels, softmax(logits / divisor), labels=classes) for divisor in divisors]
    return float(divisors[np.argmin(losses)])


def report(corpus: Corpus, logits: NDArray[np.float64], divisor: float, classes: NDArray[np.str_]) -> None:
    print("| unseen speakers of | clips | speakers | weighted accuracy | unweighted | calibration error (before) |")
    print("|---|---|---|---|---|---|")
    for name in ("RAVDESS", "EmoDB"):
        of = corpus.names == name
        truth, guess = corpus.labels[of], classes[logits[of].argmax(axis=1)]
        errors = [calibration_error(softmax(logits[of] / d), guess == truth) for d in (divisor, 1.0)]
        print(f"| {name} | {of.sum()} | {len(set(corpus.speakers[of]))} | {accuracy_score(truth, guess):.1%} ", end="")
        print(f"| {balanced_accuracy_score(truth, guess):.1%} | {errors[0]:.3f} ({errors[1]:.3f}) |")
    print("\n| unheard corpus | clips | weighted accuracy | unweighted | most common label |\n|---|---|---|---|---|")
    for name in ("RAVDESS", "EmoDB"):
        rest, held = corpus[corpus.names != name], corpus[corpus.names == name]
        held = held[np.isin(held.labels, rest.labels)]
        guess = fit(rest).predict(held.features)
        common = Counter(held.labels).most_common(1)[0][1] / len(held.labels)
        with warnings.catch_warnings():  # a guess may be an emotion that this corpus does not have
            warnings.simplefilter("ignore", UserWarning)
            unweighted = balanced_accuracy_score(held.labels, guess)
        print(f"| {name}, {len(set(held.labels))} emotions | {len(held.labels)} ", end="")
        print(f"| {accuracy_score(held.labels, guess):.1%} | {unweighted:.1%} | {common:.1%} |")


def save(path: Path, model: Any, divisor: float) -> None:
    scaler, head = model[0], model[1]
    scratch = path.with_name(path.name + ".tmp.npz")
    np.savez_compressed(
        scratch,
        labels=head.classes_,
        mean=scaler.mean_.astype(np.float32),
        scale=scaler.scale_.astype(np.float32),
        weights=head.coef_.astype(np.float16),
        bias=head.intercept_.astype(np.float32),
        temperature=np.float32(divisor),
    )
    scratch.replace(path)


def main(
    whisper: Annotated[Path, typer.Option(help="A CTranslate2 conversion of Whisper base, multilingual.")],
    output: Path,
    data: Data = DATA,
    threads: int = os.cpu_count() or 1,
) -> None:
    extract = WhisperFeatures(whisper, threads=threads)
    corpus = load(data, extract)
    logits = unseen_speakers(corpus)
    model = fit(corpus)
    spoken = corpus.names != "LibriSpeech"  # too easy: it would flatter the confidence
    divisor = temperature(logits[spoken], corpus.labels[spoken], model.classes_)
    report(corpus, logits, divisor, model.classes_)
    turns = np.stack([extract(turn) for turn in meetings(data / "conversations/ami")])
    for title, head in (("with", model), ("without", fit(corpus[spoken]))):
        shares = ", ".join(f"{label} {n / len(turns):.0%}" for label, n in Counter(head.predict(turns)).most_common())
        print(f"\n{len(turns)} turns of AMI meetings, trained {title} read speech: {shares}")
    save(output, model, divisor)
    print(f"\ntemperature {divisor:.2f}; {output}: {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    run(main)
