"""Conversations with exact ground truth, composed from recordings of people who read aloud."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pipeline.types import SAMPLE_RATE, Samples, Turn

PAUSES = (0.2, 1.2)
"""Seconds between two turns, drawn evenly."""
OVERLAPS = (0.3, 2.0)
"""Seconds that a turn which interrupts the last one begins before its end, drawn evenly; at most half of either."""
SILENCE_MS = 200
"""Shortest silence within an utterance that is no speech: longer than those within words."""
PADDING_MS = 30
"""On either side of speech: about a frame of Silero."""
LEVEL = 0.05
"""Root mean square that every turn is scaled to, so that loudness does not distinguish speakers."""


@dataclass(frozen=True)
class Composed:
    """A conversation and the truth about it."""

    samples: Samples
    turns: tuple[Turn, ...]
    """Whole utterances, also the silences in them."""
    texts: tuple[str, ...]
    """Of each turn."""
    pieces: tuple[Samples, ...] = ()
    """The samples of each turn, alone, as the reader recorded them."""

    @property
    def text(self) -> str:
        return " ".join(self.texts)


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
    sound: Callable[[str, Samples], Samples] = lambda _reader, samples: samples,
) -> Composed:
    """About `duration` seconds in which `readers` alternate in random order, no reader twice in a row.

    Args:
        overlap: How many of the turns begin before the last one has ended, 0 to 1; after the others there is a pause.
        noise: Signal-to-noise ratio in dB of the pink noise under everything.
        repeat: Begin a reader's utterances again when all are used; otherwise the conversation ends early.
        sound: What becomes of a reader's utterance on the way to the microphone; it keeps its length.
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
        mixed[begin : begin + len(piece)] += sound(turn.speaker, piece)
    if noise is not None:
        mixed += pink(len(mixed), rng) * (LEVEL * 10 ** (-noise / 20))
    return Composed(mixed, tuple(turns), tuple(texts), tuple(pieces))


def spoken(talk: Composed) -> tuple[Turn, ...]:
    """The turns without the silences in them, which Silero finds in each utterance alone."""
    return tuple(
        Turn(turn.start + begin / SAMPLE_RATE, turn.start + end / SAMPLE_RATE, turn.speaker)
        for turn, piece in zip(talk.turns, talk.pieces, strict=True)
        for begin, end in _speech(piece)
    )


def speech_of(samples: Samples) -> Samples:
    """The samples without silences."""
    return np.concatenate([samples[begin:end] for begin, end in _speech(samples)] or [samples[:0]])


def _speech(samples: Samples) -> Iterator[tuple[int, int]]:
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # here: most benchmarks do not need CTranslate2

    options = VadOptions(min_silence_duration_ms=SILENCE_MS, speech_pad_ms=PADDING_MS)
    yield from ((speech["start"], speech["end"]) for speech in get_speech_timestamps(samples, options))


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
