"""The shared recordings whose words are known, by language."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import compose
from media.decoding import decode
from pipeline.types import SAMPLE_RATE, Samples

PAUSE_S = 0.7
"""Between two utterances of a speaker."""
MAX_S = 7200.0
OF_SPEECH_RECOGNITION = {"french.aiff": ("fr", "et c'est la dictée numéro 1"), "chinese.flac": ("zh", "砸自己的脚")}
"""Texts of the recordings in `edge/bitdepths_speechrecognition`, from the tests of the package SpeechRecognition."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording, or all short ones of a speaker with pauses between them."""

    corpus: str
    language: str
    """ISO 639-1."""
    speaker: str
    paths: tuple[Path, ...]
    texts: tuple[str, ...]
    """Of each utterance, or sentence of a long recording."""
    written: bool = False
    """Whether the texts have the case and punctuation of printed ones."""

    @property
    def name(self) -> str:
        return f"{self.corpus} {self.speaker}"

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def read(self) -> Samples:
        pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
        pieces = [piece for path in self.paths for piece in (decode(path, max_duration=MAX_S), pause)]
        return np.concatenate(pieces[:-1])


def recordings(data: Path) -> list[Spoken]:
    """All of them, the long ones last."""
    parts = (languages(data), [telephone(data / "conversations/pyannote_sample/sample.flac")], _clips(data), readers(data))
    return [each for part in (*parts, _librivox(data), _actors(data), _long(data)) for each in part]


def languages(data: Path) -> Iterator[Spoken]:
    """A sentence in each of eight languages; none where there are no shared recordings."""
    folder = data / "read_speech/picovoice_multilingual"
    if not folder.exists():
        return
    for test in json.loads((folder / "leopard_test_data.json").read_text())["tests"]["language_tests"]:
        path = (folder / test["audio_file"]).with_suffix(".flac")
        yield Spoken("Leopard", test["language"], test["language"], (path,), (test["transcript_with_punctuation"],), True)


def telephone(sample: Path) -> Spoken:
    """pyannote's sample, whose words are beside it."""
    rows = (line.split(maxsplit=5) for line in sample.with_suffix(".stm").read_text().splitlines())
    return Spoken("telephone", "en", "sample", (sample,), tuple(row[5] for row in rows), True)


def said_in(stm: Path) -> list[tuple[str, str]]:
    """Every word with its speaker."""
    rows = [line.split(maxsplit=5) for line in stm.read_text().splitlines()]
    return [(word, row[2]) for row in rows for word in row[5].split()]


def readers(data: Path) -> Iterator[Spoken]:
    """All utterances of each reader of LibriSpeech."""
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    for reader in sorted({utterance.reader for utterance in pool}):
        own = [utterance for utterance in pool if utterance.reader == reader]
        yield Spoken("LibriSpeech", "en", reader, tuple(u.path for u in own), tuple(u.text for u in own))


def _clips(data: Path) -> Iterator[Spoken]:
    for name, (language, text) in OF_SPEECH_RECOGNITION.items():
        path = data / "edge/bitdepths_speechrecognition" / name
        yield Spoken("SpeechRecognition", language, path.stem, (path,), (text,))


def _librivox(data: Path) -> Iterator[Spoken]:
    paths = sorted((data / "read_speech/pocketsphinx_librivox").glob("*.flac"))
    yield Spoken(
        "LibriVox", "en", "austen", tuple(paths), tuple(path.with_suffix(".txt").read_text().strip() for path in paths)
    )


def _actors(data: Path) -> Iterator[Spoken]:
    """Acted emotions: ten German sentences, and two English ones, which every actor says thirty times."""
    for folder, corpus, language, speaker, text in (
        ("emodb_4emotions", "EmoDB", "de", "speaker", "text"),
        ("ravdess", "RAVDESS", "en", "actor", "statement"),
    ):
        root = data / "emotion" / folder
        with (root / "labels.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for name in sorted({row[speaker] for row in rows}):
            own = [row for row in rows if row[speaker] == name]
            paths = tuple(root / row["file"] for row in own)
            yield Spoken(corpus, language, name, paths, tuple(row[text] for row in own))


def _long(data: Path) -> Iterator[Spoken]:
    talk = data / "long/ted_katedarling.flac"
    words = json.loads(talk.with_suffix(".words.json").read_text())
    yield Spoken("TED", "en", talk.stem, (talk,), _sentences(" ".join(word["text"] for word in words)), True)
    interview = data / "long/baxley.mp3"
    turns = json.loads(interview.with_suffix(".transcript.json").read_text())["turns"]
    yield Spoken("interview", "en", interview.stem, (interview,), _all(turn["sentences"] for turn in turns), True)


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"(?<=[.?!]) ", text))


def _all(texts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(text for some in texts for text in some)
