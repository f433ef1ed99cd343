"""Encode recordings, and parts of them, as WAV, MP3 and Opus. The functions for parts block: call them in a thread."""

from __future__ import annotations

import asyncio
import io
import warnings
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from media import recording
from pipeline.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:  # imported where it is used, with its warning silenced
    from pathlib import Path

    from pydub import AudioSegment


@dataclass(frozen=True, slots=True)
class Codec:
    """How to encode a whole recording."""

    suffix: str
    media_type: str
    bits_per_s: int
    options: tuple[str, ...]
    """Of ffmpeg."""

    def size(self, seconds: float) -> int:
        """About the bytes of a file."""
        return int(seconds * self.bits_per_s / 8)

    async def write(self, source: Path, target: Path) -> None:
        """Encode a recording. Raises OSError."""
        await encode_file(source, target, self)


MP3 = Codec(".mp3", "audio/mpeg", 64_000, ("-c:a", "libmp3lame", "-b:a", "64k"))
OPUS = Codec(".opus", "audio/ogg", 24_000, ("-c:a", "libopus", "-b:a", "24k", "-compression_level", "5"))
"""libopus at its default complexity of 10 takes nearly four times as long."""


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
    with warnings.catch_warnings():  # pydub warns at import if no ffmpeg is on the PATH; the bundled one is set below
        warnings.simplefilter("ignore")
        from pydub import AudioSegment

    segment: type[AudioSegment] = AudioSegment
    segment.converter = _ffmpeg()
    return segment


async def encode_file(source: Path, target: Path, codec: Codec) -> None:
    """Encode a recording by the bundled ffmpeg, in a process of its own; its channels are averaged. Raises OSError."""
    count = await asyncio.to_thread(recording.channels, source)
    # FFmpeg's own downmix leaves out a low-frequency channel, for which it would take the fourth of six.
    mono = "pan=mono|c0=" + "+".join(f"{1 / count}*c{i}" for i in range(count))
    command = (
        _ffmpeg(),
        "-nostdin",
        "-v",
        "error",
        "-y",
        "-i",
        str(source),
        "-map_metadata",
        "-1",
        "-af",
        mono,
        *codec.options,
        str(target),
    )
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise OSError(f"ffmpeg could not encode the recording: {said.decode(errors='replace').strip()[-300:]}")


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())
