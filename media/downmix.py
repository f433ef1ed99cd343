"""Mix the channels of a recording or stream to one, so that channels that are each other's inverse do not cancel.

A microphone cable that is wired wrongly gives a right channel that is the left one inverted; their mean is silence. Such a
channel is inverted again. Channels that do not cancel all have the same weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.types import SAMPLE_RATE, Note, Samples

Channels = NDArray[np.float32]
"""Samples of several channels at `SAMPLE_RATE`, shape (n, channels)."""

PIECE_SAMPLES = SAMPLE_RATE // 20
"""The polarity of a channel is decided for 50 ms at a time: a few periods of a voice."""
MEMORY_PIECES = 20
"""Pieces after which the weight of earlier sound has fallen to 1/e."""
MIN_KEPT = 0.5
"""Power of the mix, divided by that of channels which have nothing in common, below which channels cancel. It is 1 also where
one channel alone has sound, and grows to the number of channels where all have the same sound."""
MIN_KEPT_OF_PIECE = 0.3
"""The same for a single piece; voices of two persons come to 0.5 by chance."""
MIN_RMS = 2e-5
"""Pieces with less treble (-94 dB) decide nothing: it is about 15 dB weaker than a voice."""
PRE_EMPHASIS = 0.95
"""As in speech coding: -25 dB at 50 Hz, 0 dB at 2.6 kHz."""
FADE_SAMPLES = SAMPLE_RATE // 200
"""A change of polarity takes 5 ms, so that it does not click."""
KEPT_AGAIN = 0.7
"""From this on the channels do not cancel any more as they were recorded: their polarity is restored."""
MIN_NOTED_S, MIN_NOTED_SHARE = 0.5, 0.2
"""Two microphones in a room have shorter stretches in which they cancel, here and there."""
LOUD_RMS, SILENT_SHARE = 1e-3, 1e-2
"""Sound above -60 dB of which less than 1 % (-40 dB) is left has become silence."""


@dataclass(frozen=True, slots=True)
class _Inverted:
    samples: int
    first: int
    last: int

    @property
    def is_noted(self) -> bool:
        return self.samples >= max(MIN_NOTED_S * SAMPLE_RATE, MIN_NOTED_SHARE * (self.last - self.first))


class Downmix:
    """Mixes one recording or stream, given in pieces of any length and in order."""

    def __init__(self) -> None:
        self._signs = np.ones(0, np.float32)
        self._heard = np.zeros((0, 0))
        """Products of the channels (Gram matrix), recent ones with more weight."""
        self._position = 0
        self._inverted: dict[int, _Inverted] = {}
        """By channel, from 0."""
        self._power_in = self._power_out = 0.0

    def mix(self, channels: Channels) -> Samples:
        """The mean of all channels, shape (n,), those inverted that would cancel others.

        NaN and infinities become silence; samples beyond [-1, 1] are clipped.
        """
        cleaned = clean(channels)
        mixed: Samples = cleaned[:, 0] if cleaned.shape[1] == 1 else self._mix(cleaned)
        finite = np.isfinite(channels)
        loudest = cleaned if finite.all() else np.where(finite, cleaned, np.float32(1.0))
        self._power_in += float(np.einsum("ij,ij->j", loudest, loudest, dtype=np.float64).max(initial=0.0))
        self._power_out += float(np.einsum("i,i->", mixed, mixed, dtype=np.float64))
        self._position += len(mixed)
        return mixed

    @property
    def silenced(self) -> bool:
        """There was sound, and nothing of it is left."""
        loud = self._power_in > LOUD_RMS**2 * self._position
        return loud and self._power_out < SILENT_SHARE**2 * self._power_in

    def note(self) -> Note | None:
        """What was inverted, if it was more than a moment. Its times count from the first sample that was mixed."""
        found = {i: each for i, each in sorted(self._inverted.items()) if each.is_noted}
        if not found:
            return None
        numbers = [str(i + 1) for i in found]
        which = f"Channel {numbers[0]}" if len(numbers) == 1 else f"Channels {', '.join(numbers[:-1])} and {numbers[-1]}"
        were = "was" if len(numbers) == 1 else "were"
        start, end = min(each.first for each in found.values()), max(each.last for each in found.values())
        return Note(
            "sound",
            f"{which} {were} inverted before the channels were mixed: the channels cancel each other as they were recorded.",
            start / SAMPLE_RATE,
            end / SAMPLE_RATE,
        )

    def _mix(self, channels: Channels) -> Samples:
        count = channels.shape[1]
        if len(self._signs) != count:
            self._signs, self._heard = np.ones(count, np.float32), np.zeros((count, count))
        if not len(channels):
            return np.zeros(0, np.float32)
        treble = _treble(channels)
        if self._holds(treble):
            self._count_inverted(self._position, len(channels))
            return channels @ self._signs / np.float32(count)
        pieces = (slice(at, at + PIECE_SAMPLES) for at in range(0, len(channels), PIECE_SAMPLES))
        return np.concatenate([self._mix_piece(channels[piece], treble[piece], piece.start) for piece in pieces])

    def _holds(self, treble: Channels) -> bool:
        """Nothing cancels with the present signs. Most recordings need no more than this."""
        n, count = treble.shape
        starts = np.arange(0, n, PIECE_SAMPLES)
        mixed: Samples = treble @ self._signs
        power = np.add.reduceat(np.einsum("ij,ij->i", treble, treble), starts)
        kept = np.add.reduceat(mixed * mixed, starts)
        heard = self._remembered(treble)
        audible = power > MIN_RMS**2 * PIECE_SAMPLES * count
        if (kept < MIN_KEPT_OF_PIECE * power)[audible].any() or _kept(heard, self._signs) < MIN_KEPT:
            return False
        if (self._signs < 0).any() and _kept(heard, np.ones_like(self._signs)) > KEPT_AGAIN:
            return False
        self._heard = heard
        return True

    def _mix_piece(self, piece: Channels, treble: Channels, at: int) -> Samples:
        products = _products(treble)
        former = self._signs
        if products.trace() > MIN_RMS**2 * treble.size:
            self._heard = self._remembered(treble)
            if _kept(products, former) < MIN_KEPT_OF_PIECE:
                self._signs = _aligned(products, former)
            elif _kept(self._heard, former) < MIN_KEPT:
                self._signs = _aligned(self._heard, former)
            elif (former < 0).any() and min(_kept(p, np.ones_like(former)) for p in (products, self._heard)) > KEPT_AGAIN:
                self._signs = np.ones_like(former)
        self._count_inverted(self._position + at, len(piece))
        if self._signs is former:
            return piece @ former / np.float32(len(former))
        fade = (np.arange(len(piece), dtype=np.float32) / FADE_SAMPLES).clip(0.0, 1.0)[:, None]
        gains = former + (self._signs - former) * fade
        mixed: Samples = np.einsum("ij,ij->i", piece, gains) / np.float32(len(former))
        return mixed

    def _remembered(self, channels: Channels) -> NDArray[np.float64]:
        weight: float = np.exp(-len(channels) / (MEMORY_PIECES * PIECE_SAMPLES))
        heard: NDArray[np.float64] = weight * self._heard + _products(channels)
        return heard

    def _count_inverted(self, start: int, length: int) -> None:
        for i in np.flatnonzero(self._signs < 0):
            former = self._inverted.get(int(i), _Inverted(0, start, start))
            self._inverted[int(i)] = _Inverted(former.samples + length, former.first, start + length)


def clean(channels: Channels) -> Channels:
    """The same, with silence for NaN and infinities, and clipped to [-1, 1]."""
    cleaned: Channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
    return cleaned


def _treble(channels: Channels) -> Channels:
    """What the polarity is judged by: hum that all channels share would hide a voice that cancels."""
    treble = channels.copy()
    treble[1:] -= np.float32(PRE_EMPHASIS) * channels[:-1]
    treble[0] *= np.float32(1 - PRE_EMPHASIS)
    return treble


def _products(channels: Channels) -> NDArray[np.float64]:
    return (channels.T @ channels).astype(np.float64)


def _kept(products: NDArray[np.float64], signs: NDArray[np.float32]) -> float:
    """The power of the mix, divided by that of the channels; 1 in silence."""
    power = float(products.trace())
    return float(signs @ products @ signs) / power if power > 0 else 1.0


def _aligned(products: NDArray[np.float64], former: NDArray[np.float32]) -> NDArray[np.float32]:
    """The signs with which no channel cancels the louder ones; of the two that do, those closer to the former ones."""
    signs: NDArray[np.float32] = np.zeros(len(former), np.float32)
    for i in np.argsort(-products.diagonal(), kind="stable"):
        signs[i] = -1.0 if signs @ products[:, i] < 0 else 1.0
    if (former > 0).all():
        signs *= signs[0]
        return signs
    if (signs * former) @ products.diagonal() < 0:
        signs = -signs
    return np.ones_like(former) if (signs < 0).all() else signs
