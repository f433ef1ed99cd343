"""Bring decoded frames to 16 kHz mono, within bounds: the numbers in a header, and those of a frame, are a client's."""

from collections.abc import Iterator

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from media.downmix import Channels, Downmix
from pipeline.types import SAMPLE_RATE, Samples

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Hz. Below the minimum a small frame resamples to gigabytes; above the maximum, which no format in use exceeds, the filter of
the resampler takes gigabytes."""
MAX_PACKET_BYTES = 8 << 20
"""A second of 32 bits in eight channels at 192 kHz has 6 MB. A megabyte of 1-bit sound decodes to 32 MB."""
MAX_FRAME_SAMPLES = 1 << 20
"""The largest frames in use hold 1.05 s (TTA)."""
MAX_FRAME_VALUES = 1 << 24
"""Samples of all channels after resampling: 64 MB. A FLAC frame of 65,535 samples in eight channels at 1 kHz has 8 million."""


class UnsupportedSoundError(ValueError):
    """The sound cannot be resampled within bounds; the message is one sentence for the client."""


def bound(stream: AudioStream) -> None:
    """Have the decoder refuse frames that are too large, before the stream is opened."""
    if stream.codec_context is not None:  # FFmpeg may have no decoder
        stream.codec_context.options = {"max_samples": str(MAX_FRAME_SAMPLES)}


def check_packet(size_bytes: int) -> None:
    """Raises UnsupportedSoundError if a packet is larger than any of a recording."""
    if size_bytes > MAX_PACKET_BYTES:
        raise UnsupportedSoundError(
            f"The recording has a packet of {size_bytes >> 20} MB, which no recording has: export it again as WAV or FLAC."
        )


def resampler_for(frame: AudioFrame, piece_samples: int | None = None) -> AudioResampler:
    """Its output comes in pieces of `piece_samples`, or as it is resampled. Raises UnsupportedSoundError."""
    if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
        raise UnsupportedSoundError(
            f"The recording has a sample rate of {frame.sample_rate} Hz, which no speech has: export it again at 16000 Hz."
        )
    # Interleaved: PyAV 18 reads past the end of planar frames of eight channels and more, and crashes.
    return AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE, frame_size=piece_samples)


def mixed(resampler: AudioResampler | None, frame: AudioFrame | None, downmix: Downmix) -> Iterator[Samples]:
    """The pieces that the resampler gives, mixed by `downmix`. None as the frame ends the stream.

    Raises UnsupportedSoundError.
    """
    for channels in resampled(resampler, frame):
        yield downmix.mix(channels)


def resampled(resampler: AudioResampler | None, frame: AudioFrame | None) -> Iterator[Channels]:
    """The pieces that the resampler gives. None as the frame ends the stream. Raises UnsupportedSoundError."""
    if resampler is None:
        return
    if frame is not None and frame.samples * SAMPLE_RATE // frame.sample_rate * frame.layout.nb_channels > MAX_FRAME_VALUES:
        raise UnsupportedSoundError(
            f"The recording has a frame of {frame.samples} samples, which no recording has: export it again as WAV or FLAC."
        )
    for piece in resampler.resample(frame):
        yield piece.to_ndarray().astype(np.float32, copy=False).reshape(-1, piece.layout.nb_channels)
