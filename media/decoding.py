"""Decode uploaded recordings to 16 kHz mono samples.

A recording is untrusted. FFmpeg (through PyAV) opens it only as a plain file of an allowed format. Damaged packets are skipped.
Memory is not allocated by what a file's header declares.
"""

import logging
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.types import SAMPLE_RATE, Samples

log = logging.getLogger(__name__)

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,iff,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "nistsphere,nut,ogg,oma,pvf,qcp,rm,shn,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xwma"
)
"""FFmpeg demuxers that may open a recording: containers and self-describing audio.

Excluded are demuxers that open other files or addresses (hls, dash, concat, sdp, vobsub), generate a signal (lavfi), or rely on
the file's extension (raw PCM, images).
"""

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Hz. Below the minimum a small frame resamples to gigabytes; above the maximum, which no format in use exceeds, the filter of
the resampler takes gigabytes."""

_CHUNK = SAMPLE_RATE
_GROWTH = 600 * SAMPLE_RATE  # 38 MB a step


class AudioError(ValueError):
    """A recording cannot be used. The message is one sentence for the client, without paths."""


def decode(path: Path, *, max_duration: float) -> Samples:
    """The sound of an audio or video file, shape (n,), within [-1, 1]. Blocks: call it in a thread.

    All channels of the best audio track have the same weight in the mix: FFmpeg's own downmix drops some channels. Samples are
    clipped at full scale; NaN and infinities become silence. The readable part of a damaged file is returned. Packets are
    joined without gaps; timestamps are ignored.

    Raises AudioError if nothing can be decoded, or beyond `max_duration` seconds.
    """
    if path.stat().st_size == 0:
        raise AudioError("The recording is empty (0 bytes): send it again.")
    # The prefix keeps a name such as `concat:a|b` a file name; the two lists confine a container to its own bytes.
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
    # A large block is resized by remapping pages without a copy, so that the array itself is the peak.
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
        if resampler is None or source != (frame.format.name, frame.layout.name, frame.sample_rate):  # may change within a file
            yield from _mix(resampler, None)
            resampler = _resampler(frame)
            source = (frame.format.name, frame.layout.name, frame.sample_rate)
        yield from _mix(resampler, frame)
    yield from _mix(resampler, None)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    good = bad = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            log.warning("A recording ended after %d packets: %s", good, error.strerror)
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
            frame.pts = None  # jumping timestamps would confuse the resampler
            yield frame
    if bad:
        log.warning("A recording had %d damaged packets among %d; they were skipped.", bad, good + bad)
    if bad > good:
        raise AudioError("The recording is damaged or in a codec that cannot be read: send it again as WAV, MP3, FLAC or Ogg.")


def _resampler(frame: AudioFrame) -> AudioResampler:
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
