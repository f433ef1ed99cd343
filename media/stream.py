"""Decode the audio of live clients: PCM here, WebM in `media.webm`."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from media.decoder import Decoder, Encoding, StreamError
from media.webm import WebmDecoder
from pipeline.live.vad import rms
from pipeline.types import SAMPLE_RATE, Note, Samples

ABSURD = 1e-15, 1e9
"""Samples of which the magnitude is not between these are not of sound, unless they are 0."""
MIN_JUDGED = 24
"""Samples of a frame that decide whether float32 is int16 in truth. An AudioWorklet sends 128 samples: 64 pairs."""
INT16_AS_FLOAT32 = 'The samples are int16, but were announced as float32: start with "encoding": "int16", or send float32.'


class PcmDecoder:
    """Decodes little-endian mono samples without a header.

    The frames need not be whole numbers of samples: the rest goes on with the next one. NaN and infinite samples become
    silence, and those beyond [-1, 1] are clipped.
    """

    def __init__(self, encoding: Literal["float32", "int16"], sample_rate: int) -> None:
        self.level = 0.0
        self.notes: list[Note] = []
        self._type = np.dtype("<f4" if encoding == "float32" else "<i2")
        self._rest = b""
        """The beginning of a sample."""
        self._resampler = None if sample_rate == SAMPLE_RATE else _resampler(sample_rate)

    def feed(self, data: bytes) -> Iterator[Samples]:
        raw = self._whole_samples(data)
        if len(raw) == 0:
            return
        if raw.dtype.kind == "i":
            samples: Samples = raw.astype(np.float32) / np.float32(32768)
        else:
            if _is_int16(raw):
                raise StreamError(INT16_AS_FLOAT32)
            samples = np.nan_to_num(raw.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
        self.level = rms(samples)
        yield samples if self._resampler is None else self._resampler.resample_chunk(samples)

    def finish(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield self._resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def close(self) -> None:
        pass

    def _whole_samples(self, data: bytes) -> NDArray[Any]:
        size = self._type.itemsize
        joined = self._rest + data
        raw = np.frombuffer(joined, self._type, len(joined) // size)
        if self._rest and self._type.kind == "f" and len(data) >= size:
            # After a damaged frame the exponents are absurd: the rest of it is dropped, as in the reference system.
            alone = np.frombuffer(data, self._type, len(data) // size)
            if _absurd(raw) > 0.5 > _absurd(alone):
                joined, raw = data, alone
        self._rest = joined[len(raw) * size :]
        return raw


def _absurd(samples: NDArray[np.float32]) -> float:
    """The share of samples, without those that are 0, of which the exponent is none of sound."""
    magnitude = np.abs(samples[samples != 0])
    return 1.0 - float(((magnitude >= ABSURD[0]) & (magnitude <= ABSURD[1])).mean()) if len(magnitude) else 0.0


def _is_int16(samples: NDArray[Any]) -> bool:
    """Whether float32 samples are pairs of int16 samples in truth.

    The second of a pair has the exponent: it is close to 0 where that sample is positive, and huge or NaN where it is negative.
    """
    heard = samples[samples != 0]
    if len(heard) < MIN_JUDGED or _absurd(heard) < 0.9:
        return False
    pairs = np.ascontiguousarray(heard).view("<i2").reshape(-1, 2).astype(np.float32)
    tiny = np.abs(heard) < ABSURD[0]
    positive, negative = (tiny & ~np.signbit(heard)).mean(), (tiny & np.signbit(heard)).mean()
    apart = np.abs(pairs[:, 0] - pairs[:, 1]).sum() / np.abs(pairs).sum()
    # Neighbours are alike; the halves of a float32 sample are not.
    return bool(positive > 0.05 > negative and apart < 0.9)


def create_decoder(encoding: Encoding, sample_rate: int) -> Decoder:
    """A decoder for a new connection. `sample_rate` is ignored for `webm`: its header contains the rate."""
    if encoding == "webm":
        return WebmDecoder()
    return PcmDecoder(encoding, sample_rate)


def _resampler(sample_rate: int) -> soxr.ResampleStream:
    """Its output does not depend on the pieces in which the input arrives."""
    return soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")
