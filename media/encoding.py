"""Encode parts of a recording as WAV or MP3 files. Both functions block: call them in a thread."""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:  # imported where it is used, with its warning silenced
    from pydub import AudioSegment


def wav_bytes(samples: Samples) -> bytes:
    """A WAV file, 16 kHz mono 16-bit; samples beyond [-1, 1] are clipped."""
    return _export(samples, "wav")


def mp3_bytes(samples: Samples, bitrate: str = "64k") -> bytes:
    """An MP3 file, 16 kHz mono, encoded by the bundled ffmpeg; `bitrate` in its notation.

    Raises `pydub.exceptions.CouldntEncodeError` if ffmpeg fails.
    """
    return _export(samples, "mp3", bitrate)


def _export(samples: Samples, container: str, bitrate: str | None = None) -> bytes:
    # FFmpeg's decoder divides by 32768: 16-bit audio is reproduced exactly.
    pcm = np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").tobytes()
    sound = _pydub()(data=pcm, sample_width=2, frame_rate=SAMPLE_RATE, channels=1)
    return bytes(sound.export(io.BytesIO(), format=container, bitrate=bitrate).getbuffer())


@cache
def _pydub() -> type[AudioSegment]:
    from imageio_ffmpeg import get_ffmpeg_exe

    with warnings.catch_warnings():  # pydub warns at import if no ffmpeg is on the PATH; the bundled one is set below
        warnings.simplefilter("ignore")
        from pydub import AudioSegment

    segment: type[AudioSegment] = AudioSegment
    segment.converter = get_ffmpeg_exe()
    return segment
