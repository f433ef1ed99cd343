"""Decode a recording for processing: its channels apart where they hold different speech, else mixed to one.

Most recordings are read once. Only where the channels are kept apart it is read a second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from media import recording
from media.comparison import MAX_CHANNELS, Comparison
from media.decoding import AudioError, Source, collected
from media.downmix import Channels, clean
from pipeline.types import ChannelMode, Note, Samples


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording as `media.recording` keeps it."""

    samples: int
    """Of each channel."""
    channels: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    channels: tuple[Samples, ...]
    """One if they are mixed."""
    notes: tuple[Note, ...]


def store(path: Path, target: Path, mode: ChannelMode, max_duration: float) -> Stored:
    """Write the sound of a file to `target`. Blocks. Raises AudioError, DiskFullError, OSError."""
    source, comparison = Source(path, max_duration), Comparison()
    samples = recording.write_blocks(target, source.mixed(None if mode == "mix" else comparison))
    if (separation := _separation(source, comparison, mode)) is not None:
        samples = recording.write_blocks(target, separation.blocks(source), comparison.channels)
        return Stored(samples, comparison.channels, (*source.losses, *separation.notes))
    if _is_dubbed(source, mode):
        samples = recording.write_blocks(target, source.without_dubs().mixed())
    return Stored(samples, 1, source.notes)


def load(path: Path, mode: ChannelMode, max_duration: float) -> Loaded:
    """The same in memory."""
    source, comparison = Source(path, max_duration), Comparison()
    mixed = collected(source.mixed(None if mode == "mix" else comparison))
    if (separation := _separation(source, comparison, mode)) is not None:
        length, at = len(mixed), 0
        del mixed
        channels = np.zeros((comparison.channels, length), np.float32)
        for block in separation.blocks(source):
            channels[:, at : at + len(block)] = block.T
            at += len(block)
        return Loaded(tuple(channels), (*source.losses, *separation.notes))
    if _is_dubbed(source, mode):
        mixed = collected(source.without_dubs().mixed())
    return Loaded((mixed,), source.notes)


@dataclass(frozen=True, slots=True)
class _Separation:
    channels: int
    copies: dict[int, int]
    """Channels with the same sound as another one; they become silence."""

    @property
    def notes(self) -> list[Note]:
        return [
            Note("sound", f"Channel {copy + 1} holds the same sound as channel {original + 1} and was not transcribed again.")
            for copy, original in sorted(self.copies.items())
        ]

    def blocks(self, source: Source) -> Iterator[Channels]:
        for block in source.channels():
            channels = np.zeros((len(block), self.channels), np.float32)  # a part of the recording may have fewer
            channels[:, : block.shape[1]] = clean(block)
            channels[:, list(self.copies)] = 0.0
            yield channels


def _separation(source: Source, comparison: Comparison, mode: ChannelMode) -> _Separation | None:
    """How to keep the channels apart; None where they are to be mixed."""
    if mode == "separate" and comparison.channels > MAX_CHANNELS:
        raise AudioError(
            f"The recording has {comparison.channels} channels, and up to {MAX_CHANNELS} can be kept apart: leave out "
            "channels=separate, or send fewer channels."
        )
    copies = comparison.copies()
    several = comparison.channels - len(copies) > 1
    if mode == "separate" and not several:
        source.losses += _Separation(comparison.channels, copies).notes
    if several and (mode == "separate" or (mode == "auto" and comparison.differ())):
        return _Separation(comparison.channels, copies)
    return None


def _is_dubbed(source: Source, mode: ChannelMode) -> bool:
    return mode == "auto" and source.has_dubs
