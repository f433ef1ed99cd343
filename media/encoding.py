"""Samples out: pieces of a recording as files that a client can play. Both functions block: call them in a thread."""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from pydub import AudioSegment


def wav_bytes(samples: Samples) -> bytes:
    """A WAV file, 16 kHz mono 16-bit; samples beyond [-1, 1] are clipped."""
    return _export(samples, "wav")


def mp3_bytes(samples: Samples, bitrate: str = "64k") -> bytes:
    """An MP3 file, 16 kHz mono, by the bundled ffmpeg; `bitrate` is in its notation.

    Raises `pydub.exceptions.CouldntEncodeError` where ffmpeg fails.
    """
    return _export(samples, "mp3", bitrate)


def _export(samples: Samples, container: str, bitrate: str | None = None) -> bytes:
    # By 32768, as FFmpeg's decoder divides, so that 16-bit audio comes through unchanged.
    pcm = np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").tobytes()
    sound = _pydub()(data=pcm, sample_width=2, frame_rate=SAMPLE_RATE, channels=1)
    return bytes(sound.export(io.BytesIO(), format=container, bitrate=bitrate).getbuffer())


@cache
def _pydub() -> type[AudioSegment]:
    from imageio_ffmpeg import get_ffmpeg_exe

    with warnings.catch_warnings():  # pydub warns at import that the PATH has no ffmpeg; it is about to be told of one
        warnings.simplefilter("ignore")
        from pydub import AudioSegment

    segment: type[AudioSegment] = AudioSegment
    segment.converter = get_ffmpeg_exe()
    return segment
