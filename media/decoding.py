"""Decode uploaded recordings to 16 kHz mono samples.

A recording is untrusted. FFmpeg (through PyAV) opens it only as a plain file of an allowed format. Damaged packets are skipped.
The demuxers of FFmpeg allocate by what a file's header declares: `media.decoding_process` limits their memory.
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

from media import resampling
from media.downmix import Downmix
from media.resampling import UnsupportedSoundError, mixed
from pipeline.types import SAMPLE_RATE, Note, Samples

log = logging.getLogger(__name__)

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,iff,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "nistsphere,nut,ogg,oma,pvf,qcp,rm,shn,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xwma"
)
"""FFmpeg demuxers that may open a recording: containers and self-describing audio.

Excluded are demuxers that open other files or addresses (hls, dash, concat, sdp, vobsub), generate a signal (lavfi), or rely on
the file's extension (raw PCM, images).
"""

SILENCED = "The recording is loud, but its samples are not numbers or cancel each other: export it again as WAV or FLAC."

_GROWTH = 600 * SAMPLE_RATE  # 38 MB a step


class AudioError(ValueError):
    """A recording cannot be used. The message is one sentence for the client, without paths."""


def decode(path: Path, *, max_duration: float, notes: list[Note] | None = None) -> Samples:
    """The sound of an audio or video file, shape (n,), within [-1, 1], all of it in memory. As `blocks` otherwise."""
    # A large array is resized by remapping pages without a copy, so that the array itself is the peak.
    samples = np.empty(0, np.float32)
    n = 0
    for block in blocks(path, max_duration=max_duration, notes=notes):
        if n + len(block) > len(samples):
            samples.resize(len(samples) + _GROWTH, refcheck=False)
        samples[n : n + len(block)] = block
        n += len(block)
    samples.resize(n, refcheck=False)
    return samples


def blocks(path: Path, *, max_duration: float, notes: list[Note] | None = None) -> Iterator[Samples]:
    """The sound of an audio or video file in blocks of up to a second, within [-1, 1]. Blocks: iterate in a thread.

    All channels of the best audio track have the same weight in the mix (`media.downmix`): FFmpeg's own downmix drops some
    channels. The readable part of a damaged file is returned. Packets are joined without gaps; timestamps are ignored.

    Args:
        notes: Gets notes on what was changed, once all blocks were read.

    Raises AudioError if nothing can be decoded, if sound becomes silence, or beyond `max_duration` seconds.
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
            resampling.bound(stream)
            downmix = Downmix()
            yield from _limited(_mono(container, stream, downmix), math.ceil(max_duration * SAMPLE_RATE))
            if downmix.silenced:
                raise AudioError(SILENCED)
            if notes is not None and (note := downmix.note()):
                notes.append(note)
    except UnsupportedSoundError as error:
        raise AudioError(str(error)) from error
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise AudioError(
            "The recording is cut off, damaged or in no format that can be read: send a complete WAV, MP3, FLAC, Ogg, M4A, MP4 "
            "or WebM file (give headerless PCM a WAV header first)."
        ) from error


def _limited(sound: Iterable[Samples], limit: int) -> Iterator[Samples]:
    n = 0
    for block in sound:
        n += len(block)
        if n > limit:
            length = limit / SAMPLE_RATE
            text = f"{length / 3600:.3g} hours" if length > 3600 else f"{length:.3g} seconds"
            raise AudioError(f"The recording is longer than the {text} allowed: cut it into shorter parts.")
        yield block
    if n == 0:
        raise AudioError("The recording holds no sound, only a header or damaged data: record or export it again.")


def _mono(container: InputContainer, stream: AudioStream, downmix: Downmix) -> Iterator[Samples]:
    resampler: AudioResampler | None = None
    source = None
    for frame in _frames(container, stream):
        if resampler is None or source != (frame.format.name, frame.layout.name, frame.sample_rate):  # may change within a file
            yield from mixed(resampler, None, downmix)
            resampler = resampling.resampler_for(frame, SAMPLE_RATE)
            source = (frame.format.name, frame.layout.name, frame.sample_rate)
        yield from mixed(resampler, frame, downmix)
    yield from mixed(resampler, None, downmix)


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
        resampling.check_packet(packet.size)
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
