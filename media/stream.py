"""Decode the audio of live clients: PCM here, WebM in `media.webm`."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import soxr

from media.decoder import Decoder, Encoding
from media.webm import WebmDecoder
from pipeline.live.vad import rms
from pipeline.types import SAMPLE_RATE, Samples


class PcmDecoder:
    """Decodes little-endian mono samples without a header.

    A frame that is not a whole number of samples is dropped, as in the reference system: the samples after it would be noise.
    NaN and infinite samples become silence, and those beyond [-1, 1] are clipped.
    """

    def __init__(self, encoding: Literal["float32", "int16"], sample_rate: int) -> None:
        self.level = 0.0
        self._type = np.dtype("<f4" if encoding == "float32" else "<i2")
        self._resampler = None if sample_rate == SAMPLE_RATE else _resampler(sample_rate)

    def feed(self, data: bytes) -> Iterator[Samples]:
        if not data or len(data) % self._type.itemsize:
            return
        raw = np.frombuffer(data, self._type)
        if self._type.kind == "i":
            samples: Samples = raw.astype(np.float32) / np.float32(32768)
        else:
            samples = np.nan_to_num(raw.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
        self.level = rms(samples)
        yield samples if self._resampler is None else self._resampler.resample_chunk(samples)

    def finish(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield self._resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def close(self) -> None:
        pass


def create_decoder(encoding: Encoding, sample_rate: int) -> Decoder:
    """A decoder for a new connection. `sample_rate` is ignored for `webm`: its header contains the rate."""
    if encoding == "webm":
        return WebmDecoder()
    return PcmDecoder(encoding, sample_rate)


def _resampler(sample_rate: int) -> soxr.ResampleStream:
    """Its output does not depend on the pieces in which the input arrives."""
    return soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")
