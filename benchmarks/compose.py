"""Conversations with exact ground truth, composed from recordings of people who read aloud."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pipeline.types import SAMPLE_RATE, Samples, Turn

PAUSES = (0.2, 1.2)
"""Seconds between two turns, drawn evenly."""
LEVEL = 0.05
"""Root mean square that every turn is brought to, so that nobody is told apart by loudness."""


@dataclass(frozen=True)
class Composed:
    """A conversation and the truth about it."""

    samples: Samples
    turns: tuple[Turn, ...]
    text: str


@dataclass(frozen=True)
class Utterance:
    reader: str
    path: Path
    text: str


def utterances(directory: Path) -> list[Utterance]:
    """All utterances of a LibriSpeech folder with a `transcripts.tsv` (id, text)."""
    rows = (line.split("\t") for line in (directory / "transcripts.tsv").read_text().splitlines())
    texts = {row[0]: row[-1] for row in rows}
    return [Utterance(path.parent.name, path, texts[path.stem]) for path in sorted(directory.glob("*/*.flac"))]


def conversation(readers: Sequence[str], pool: Sequence[Utterance], duration: float, seed: int) -> Composed:
    """About `duration` seconds in which `readers` take turns in random order, nobody twice in a row.

    Each utterance is used once; the conversation ends early where none is left.
    """
    rng = np.random.default_rng(seed)
    pieces: list[Samples] = []
    turns: list[Turn] = []
    texts: list[str] = []
    position = 0.0
    for utterance in _order(readers, pool, rng):
        if position >= duration:
            break
        samples, rate = soundfile.read(utterance.path, dtype="float32")
        assert rate == SAMPLE_RATE
        samples = samples * (LEVEL / float(np.sqrt(np.mean(samples**2))))
        pause = np.zeros(round(rng.uniform(*PAUSES) * SAMPLE_RATE), np.float32)
        turns.append(Turn(position, position + len(samples) / SAMPLE_RATE, utterance.reader))
        texts.append(utterance.text)
        pieces += [samples, pause]
        position += (len(samples) + len(pause)) / SAMPLE_RATE
    return Composed(np.concatenate(pieces), tuple(turns), " ".join(texts))


def _order(readers: Sequence[str], pool: Sequence[Utterance], rng: np.random.Generator) -> Iterator[Utterance]:
    left = {reader: [u for u in pool if u.reader == reader] for reader in readers}
    last = None
    while choices := [reader for reader in readers if left[reader] and reader != last]:
        last = str(rng.choice(choices))
        yield left[last].pop(int(rng.integers(len(left[last]))))
