"""Recordings with a known emotion, as the embedded emotion head sees them.

DATA holds `emotion/ravdess`, `emotion/emodb_4emotions` (each with a `labels.csv`), `read_speech/librispeech_*` (readers' FLAC
files, named by reader) and `conversations/ami` (FLAC with RTTM).
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines.emotions.judgement import audible
from pipeline.types import SAMPLE_RATE, Samples, Vector

EMOTIONS = {
    "angry": "angry", "anger": "angry", "disgust": "disgusted", "fearful": "fearful", "happy": "happy", "happiness": "happy",
    "neutral": "neutral", "calm": "neutral", "sad": "sad", "sadness": "sad", "surprised": "surprised",
}  # fmt: skip
"""The corpora's names of emotions, and ours."""

CUT = 4 * SAMPLE_RATE
"""Read speech is cut to the length that an acted sentence has, or a head would learn length for neutrality."""
MIN_TURN_S = 1.0

EMODB, RAVDESS, LIBRISPEECH, AMI = "EmoDB", "RAVDESS", "LibriSpeech", "AMI"


@dataclass(frozen=True)
class Corpus:
    """Clips of one or several corpora."""

    features: NDArray[np.float32]
    labels: NDArray[np.str_]
    """Empty where there is no label."""
    speakers: NDArray[np.str_]
    names: NDArray[np.str_]
    """Of the corpus that each clip is from."""

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "Corpus":
        return Corpus(self.features[chosen], self.labels[chosen], self.speakers[chosen], self.names[chosen])

    def __len__(self) -> int:
        return len(self.labels)


def load(data: Path, extract: Callable[[Samples], Vector], cache: Path | None = None) -> Corpus:
    """All corpora. Features, which take minutes, are read from `cache` where it exists, else stored there."""
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as arrays:
            return Corpus(arrays["features"], arrays["labels"], arrays["speakers"], arrays["names"])
    sources = {
        EMODB: acted(data / "emotion/emodb_4emotions", "speaker"),
        RAVDESS: acted(data / "emotion/ravdess", "actor"),
        LIBRISPEECH: _read_aloud(data / "read_speech"),
        AMI: _meetings(data / "conversations/ami"),
    }
    rows = [
        (extract(heard), label, f"{name} {speaker}", name)
        for name, source in sources.items()
        for clip, label, speaker in source
        if (heard := audible(clip)) is not None
    ]
    features, labels, speakers, names = zip(*rows, strict=True)
    corpus = Corpus(np.stack(features), np.array(labels), np.array(speakers), np.array(names))
    if cache is not None:
        np.savez(cache, features=corpus.features, labels=corpus.labels, speakers=corpus.speakers, names=corpus.names)
    return corpus


def acted(folder: Path, speaker: str) -> Iterator[tuple[Samples, str, str]]:
    """Clip, label and speaker of each row of a corpus; `speaker` names its column."""
    with (folder / "labels.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            yield _read(folder / row["file"]), EMOTIONS[row["emotion"]], row[speaker]


def _read_aloud(folder: Path) -> Iterator[tuple[Samples, str, str]]:
    """Every second cut of read speech, taken to be neutral. Without them, a head calls most plain speech sad."""
    every = (
        (file, start)
        for file in sorted(folder.glob("librispeech_*/**/*.flac"))
        for start in range(0, max(1, soundfile.info(file).frames - CUT // 2), CUT)
    )
    for file, start in islice(every, 0, None, 2):
        yield _read(file)[start : start + CUT], "neutral", file.stem.partition("-")[0]


def _meetings(folder: Path) -> Iterator[tuple[Samples, str, str]]:
    """Turns."""
    for table in sorted(folder.glob("*.rttm")):
        recording = _read(table.with_suffix(".flac"))
        for fields in map(str.split, table.read_text(encoding="utf-8").splitlines()):
            start, duration = float(fields[3]), float(fields[4])
            if duration >= MIN_TURN_S:
                samples = recording[int(start * SAMPLE_RATE) : int((start + duration) * SAMPLE_RATE)]
                yield samples, "", f"{table.stem} {fields[7]}"


def _read(file: Path) -> Samples:
    samples: Samples
    samples, rate = soundfile.read(file, dtype="float32")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise SystemExit(f"{file} is not 16 kHz mono: convert it first.")
    return samples
