"""What live clients send, as samples: PCM at any sample rate. What browsers record is in `media.webm`."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import soxr

from media.decoder import Decoder, Encoding
from media.webm import WebmDecoder
from pipeline.live.endpointing import level
from pipeline.types import SAMPLE_RATE, Samples


class PcmDecoder:
    """Little-endian mono samples without a header.

    A frame that is no whole number of samples is dropped, as clients of the reference system know it: what follows would be
    noise. Samples that are no numbers become silence, and those beyond [-1, 1] are clipped.
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
        self.level = level(samples)
        yield samples if self._resampler is None else self._resampler.resample_chunk(samples)

    def finish(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield self._resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def close(self) -> None:
        pass


def decoder(encoding: Encoding, sample_rate: int) -> Decoder:
    """For a new connection; `sample_rate` means nothing for `webm`, which knows its own."""
    if encoding == "webm":
        return WebmDecoder()
    return PcmDecoder(encoding, sample_rate)


def _resampler(sample_rate: int) -> soxr.ResampleStream:
    """Gives the same samples however its input is cut into pieces."""
    return soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")
