"""Conversations with exact ground truth, composed from recordings of people who read aloud."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pipeline.types import SAMPLE_RATE, Samples, Turn

PAUSES = (0.2, 1.2)
"""Seconds between two turns, drawn evenly."""
OVERLAPS = (0.3, 2.0)
"""Seconds that a turn which interrupts the last one begins before its end, drawn evenly; at most half of either."""
LEVEL = 0.05
"""Root mean square that every turn is scaled to, so that loudness does not distinguish speakers."""


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


def impostors(directory: Path) -> list[Utterance]:
    """All utterances of a folder with one file a reader, named for the reader, without transcripts."""
    return [Utterance(path.stem.split("-")[0], path, "") for path in sorted(directory.glob("*.flac"))]


def conversation(
    readers: Sequence[str],
    pool: Sequence[Utterance],
    duration: float,
    seed: int,
    *,
    overlap: float = 0.0,
    noise: float | None = None,
    repeat: bool = False,
) -> Composed:
    """About `duration` seconds in which `readers` alternate in random order, no reader twice in a row.

    Args:
        overlap: How many of the turns begin before the last one has ended, 0 to 1; after the others there is a pause.
        noise: Signal-to-noise ratio in dB of the pink noise under everything.
        repeat: Begin a reader's utterances again when all are used; otherwise the conversation ends early.
    """
    rng = np.random.default_rng(seed)
    pieces: list[Samples] = []
    turns: list[Turn] = []
    texts: list[str] = []
    ended, pause, last = 0.0, 0.0, 0.0  # when the last turn ended, how long it is quiet then, and how long that turn was
    for utterance in _order(readers, pool, rng, repeat=repeat):
        if ended + pause >= duration:
            break
        samples, rate = soundfile.read(utterance.path, dtype="float32")
        assert rate == SAMPLE_RATE
        length = len(samples) / SAMPLE_RATE
        start = ended + pause
        if overlap and turns and rng.random() < overlap:
            start = ended - min(rng.uniform(*OVERLAPS), last / 2, length / 2)
        pieces.append(samples * (LEVEL / float(np.sqrt(np.mean(samples**2)))))
        turns.append(Turn(start, start + length, utterance.reader))
        texts.append(utterance.text)
        ended, pause, last = start + length, rng.uniform(*PAUSES), length
    mixed = np.zeros(round((ended + pause) * SAMPLE_RATE) + 1, np.float32)
    for turn, piece in zip(turns, pieces, strict=True):
        begin = round(turn.start * SAMPLE_RATE)
        mixed[begin : begin + len(piece)] += piece
    if noise is not None:
        mixed += pink(len(mixed), rng) * (LEVEL * 10 ** (-noise / 20))
    return Composed(mixed, tuple(turns), " ".join(texts))


def _order(readers: Sequence[str], pool: Sequence[Utterance], rng: np.random.Generator, *, repeat: bool) -> Iterator[Utterance]:
    left = {reader: [u for u in pool if u.reader == reader] for reader in readers}
    last = None
    while choices := [reader for reader in readers if left[reader] and reader != last]:
        last = str(rng.choice(choices))
        yield left[last].pop(int(rng.integers(len(left[last]))))
        if repeat and not left[last]:
            left[last] = [u for u in pool if u.reader == last]


def pink(length: int, rng: np.random.Generator) -> Samples:
    """Pink noise: its power falls with frequency, as that of rooms and streets does; root mean square 1."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0.0
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)
