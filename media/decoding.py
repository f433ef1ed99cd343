"""Recordings in: whatever was uploaded becomes 16 kHz mono samples.

A recording is a stranger's file. FFmpeg (through PyAV) opens it as a plain file of a known format and nothing else, damaged
packets are left out, and what a file claims about itself is neither allocated nor believed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

log = logging.getLogger(__name__)

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,iff,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "nistsphere,nut,ogg,oma,pvf,qcp,rm,shn,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xwma"
)
"""FFmpeg demuxers that may open a recording: containers and self-describing audio.

Left out are those that open further files or addresses (hls, dash, concat, sdp, vobsub), generate a signal (lavfi), or go by
the file's extension alone (raw PCM, images).
"""

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Hz. Below, a small frame resamples to gigabytes; above (no format in use goes further), the resampler's filter does."""

_CHUNK = SAMPLE_RATE
_GROWTH = 600 * SAMPLE_RATE  # 38 MB a step


class AudioError(ValueError):
    """A recording cannot be used. The message is one sentence for whoever sent it, and holds no path."""


def decode(path: Path, *, max_duration: float) -> Samples:
    """The sound of an audio or video file, shape (n,), within [-1, 1]. Blocks: call it in a thread.

    All channels of the (best) audio track weigh the same in the mix, so that nobody is lost with a channel that FFmpeg's own
    downmix would drop; samples are clipped at full scale, as a player does, and NaN and infinities become silence. What can
    be read of a damaged file is returned. Packets follow each other without gaps, whatever their timestamps say.

    Raises `AudioError` where nothing can be decoded, or after `max_duration` seconds of it.
    """
    import av

    if path.stat().st_size == 0:
        raise AudioError("The recording is empty (0 bytes): send it again.")
    # The prefix keeps a name such as `concat:a|b` a name; with the two lists no container reaches past its own bytes.
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        with av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace") as container:
            stream = container.streams.best("audio")
            if not isinstance(stream, av.AudioStream):
                raise AudioError("The recording has no audio track: send a file with sound.")
            for other in container.streams:
                if other is not stream:
                    other.discard = av.stream.Discard.all
            return _collect(_mono(container, stream), math.ceil(max_duration * SAMPLE_RATE))
    except av.FFmpegError as error:
        raise AudioError(
            "The recording is cut off, damaged or in no format that can be read: send a complete WAV, MP3, FLAC, Ogg, M4A, MP4 "
            "or WebM file (give headerless PCM a WAV header first)."
        ) from error


def _collect(chunks: Iterable[Samples], limit: int) -> Samples:
    # A large block grows and shrinks by remapping pages, not by copying them, so that the peak is the array itself.
    samples = np.empty(0, np.float32)
    n = 0
    for chunk in chunks:
        if n + len(chunk) > limit:
            length = limit / SAMPLE_RATE
            text = f"{length / 3600:.3g} hours" if length > 3600 else f"{length:.3g} seconds"
            raise AudioError(f"The recording is longer than the {text} allowed: cut it into shorter parts.")
        if n + len(chunk) > len(samples):
            samples.resize(len(samples) + _GROWTH, refcheck=False)
        samples[n : n + len(chunk)] = chunk
        n += len(chunk)
    if n == 0:
        raise AudioError("The recording holds no sound, only a header or damaged data: record or export it again.")
    samples.resize(n, refcheck=False)
    return samples


def _mono(container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
    resampler: AudioResampler | None = None
    source = None
    for frame in _frames(container, stream):
        if resampler is None or source != (frame.format.name, frame.layout.name, frame.sample_rate):  # may change midway
            yield from _mix(resampler, None)
            resampler = _resampler(frame)
            source = (frame.format.name, frame.layout.name, frame.sample_rate)
        yield from _mix(resampler, frame)
    yield from _mix(resampler, None)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    import av

    good = bad = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            log.warning("A recording broke off after %d packets: %s", good, error.strerror)
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            continue
        good += 1
        for frame in frames:
            frame.pts = None  # a clock that jumps must not reach the resampler
            yield frame
    if bad:
        log.warning("A recording had %d damaged packets among %d; they were left out.", bad, good + bad)
    if bad > good:
        raise AudioError("The recording is damaged or in a codec that cannot be read: send it again as WAV, MP3, FLAC or Ogg.")


def _resampler(frame: AudioFrame) -> AudioResampler:
    from av.audio.resampler import AudioResampler

    if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
        raise AudioError(
            f"The recording has a sample rate of {frame.sample_rate} Hz, which no speech has: export it again at 16000 Hz."
        )
    # Interleaved: PyAV 18 reads past the end of planar frames of eight channels and more, and crashes.
    return AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE, frame_size=_CHUNK)


def _mix(resampler: AudioResampler | None, frame: AudioFrame | None) -> Iterator[Samples]:
    if resampler is not None:
        for resampled in resampler.resample(frame):
            channels = resampled.to_ndarray().reshape(-1, resampled.layout.nb_channels)
            channels = np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
            yield channels.mean(axis=1, dtype=np.float32)
