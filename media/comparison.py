"""Whether the channels of a recording hold different speech, as those of a telephone call do, or the same sound.

Loudness over time distinguishes them: two microphones in a room get loud together, wherever they are, while people on a line
talk in turn. Only the loudness of each tenth of a second is kept.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from media.downmix import Channels
from pipeline.types import SAMPLE_RATE

MAX_CHANNELS = 8
"""That are kept apart: FLAC holds no more."""
FRAME_SAMPLES = SAMPLE_RATE // 10
LOUDEST_FRAMES = 20
"""The level of a channel is that of its loudest two seconds, or of the loudest tenth of a shorter recording."""
MIN_LEVEL_DB = -60.0
"""A channel that never gets louder is silent."""
RANGE_DB = 40.0
"""Quieter than this below a channel's level is as good as silence: room noise, hum, the echo of the other side."""
ACTIVE_DB = 25.0
"""Frames in which neither channel comes so close to its level are pauses, and are not compared."""
MIN_ACTIVE_FRAMES = 10
MAX_CORRELATION = 0.5
"""Of the loudness of channels with different speech. In mixtures of LibriSpeech, people who talk in turn came to -0.9, people
who talk at the same time to 0.1, in a single sentence up to 0.5; one person before two microphones to 0.9 and more."""
LOUDER_DB, BLEED_DB, BLEED_CORRELATION, MIN_BLEED_FRAMES = 6.0, -30.0, 0.8, 20
"""Where one channel is louder by `LOUDER_DB`, the loudness of the other shows whether it picks up the first: in these mixtures
the two correlated by up to 0.7 without, and by 0.9 with the other person at -20 dB. Sound below `BLEED_DB` is allowed."""
MAX_RESIDUAL = 1e-5
"""What two channels with the same sound have not in common, as a part of their power."""

_Loudness = NDArray[np.floating]
"""In dB below the level of a channel, by frame."""


class Comparison:
    """Compares the channels of one recording, which come in pieces."""

    def __init__(self) -> None:
        self.channels = 0
        """The largest number that a piece had."""
        self._changed = False
        self._power: list[NDArray[np.float32]] = []
        self._products = np.zeros((0, 0))

    def add(self, channels: Channels) -> None:
        """Samples of all channels. Nothing is compared where their number changes."""
        count = channels.shape[1]
        self._changed |= self.channels not in (0, count)
        self.channels = max(self.channels, count)
        if self._changed or not 2 <= count <= MAX_CHANNELS:
            return
        clean = channels if np.isfinite(channels).all() else np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0)
        frames = clean[: len(clean) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES, count)
        self._power.append(np.einsum("fsc,fsc->fc", frames, frames) / np.float32(FRAME_SAMPLES))
        products = (clean.T @ clean).astype(np.float64)
        self._products = products if self._products.size == 0 else self._products + products

    @property
    def separable(self) -> bool:
        """The number of channels is one that can be stored."""
        return 2 <= self.channels <= MAX_CHANNELS

    def copies(self) -> dict[int, int]:
        """The channels that hold the same sound as an earlier one, which is given beside them."""
        found: dict[int, int] = {}
        if self._changed or not self._products.size:
            return found
        power = self._products.diagonal()
        for first, second in combinations(range(self.channels), 2):
            common = self._products[first, second] ** 2
            if power[second] > 0 and common > (1.0 - MAX_RESIDUAL) * power[first] * power[second]:
                found.setdefault(second, found.get(first, first))
        return found

    def differ(self) -> bool:
        """At least two channels have sound, no two of these are equal, and none picks up the speech of another."""
        if self._changed or not self._power:
            return False
        loudness = 10.0 * np.log10(np.concatenate(self._power) + 1e-12)
        if not len(loudness):
            return False
        rank = max(1, min(LOUDEST_FRAMES, len(loudness) // 10))
        levels = np.sort(loudness, axis=0)[-rank]
        copies = self.copies()
        sounding = [i for i in range(self.channels) if levels[i] > MIN_LEVEL_DB and i not in copies]
        relative = (loudness - levels).clip(-RANGE_DB, 0.0)
        pairs = list(combinations(sounding, 2))
        return bool(pairs) and all(_different(relative[:, a], relative[:, b]) for a, b in pairs)


def _different(a: _Loudness, b: _Loudness) -> bool:
    active = np.maximum(a, b) > -ACTIVE_DB
    if active.sum() < MIN_ACTIVE_FRAMES or _correlation(a[active], b[active]) > MAX_CORRELATION:
        return False
    return not (_heard_in(a, b) or _heard_in(b, a))


def _heard_in(other: _Loudness, channel: _Loudness) -> bool:
    """Whether this channel picks up the speech of the other channel, as with two microphones on one table."""
    there = (other > channel + LOUDER_DB) & (other > -ACTIVE_DB)
    if there.sum() < MIN_BLEED_FRAMES or channel[there].mean() < BLEED_DB:
        return False
    return _correlation(other[there], channel[there]) > BLEED_CORRELATION


def _correlation(a: _Loudness, b: _Loudness) -> float:
    """0 where one of them is constant: silence, or noise."""
    return 0.0 if min(a.std(), b.std()) < 1e-3 else float(np.corrcoef(a, b)[0, 1])
