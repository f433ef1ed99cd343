"""The audio tracks of a container: which of them can be decoded, and their sound."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from media import resampling
from media.clock import MAX_SILENCE_S, Clock, Remark, silence
from media.downmix import Channels
from media.resampling import resampled
from pipeline.types import SAMPLE_RATE, Note, Samples

log = logging.getLogger(__name__)

UNDECODABLE = "The recording is damaged or in a codec that cannot be read: send it again as WAV, MP3, FLAC or Ogg."
PROBED_PACKETS = 50
"""Of a track, in which something must be decodable: about a second."""


class AudioError(ValueError):
    """A recording cannot be used. The message is one sentence for the client, without paths."""


@dataclass(frozen=True, slots=True)
class Track:
    number: int
    """Among the audio tracks, from 1."""
    index: int
    """Among all streams."""
    language: str | None
    best: bool
    """FFmpeg takes it for the best one."""

    def stream_of(self, container: InputContainer) -> AudioStream:
        stream = container.streams[self.index]
        if not isinstance(stream, AudioStream):
            raise AudioError("The recording changed while it was read: send it again.")
        return stream


def found(container: InputContainer) -> tuple[list[Track], list[Track]]:
    """The tracks for which there is a decoder, and the others. Raises AudioError if there is no track at all."""
    best = container.streams.best("audio")
    audio = list(container.streams.audio)
    if not isinstance(best, AudioStream):
        raise AudioError("The recording has no audio track: send a file with sound.")
    known: list[Track] = []
    unknown: list[Track] = []
    for number, stream in enumerate(audio, 1):
        language = stream.metadata.get("language", "und")
        track = Track(number, stream.index, None if language == "und" else language, stream is best)
        (unknown if stream.codec_context is None else known).append(track)
    return known, unknown


def left_out(track: Track, reason: str) -> Note:
    return Note("sound", f"Track {track.number} of the recording was left out: {reason}")


def _damaged(track: Track, loss: str) -> Note:
    return Note("sound", f"Track {track.number} of the recording is damaged: {loss}")


def has_sound(container: InputContainer, stream: AudioStream) -> bool:
    """Whether something at its beginning can be decoded."""
    _select(container, stream)
    for packet in islice(container.demux(stream), PROBED_PACKETS):
        resampling.check_packet(packet.size)
        try:
            if packet.decode():
                return True
        except av.FFmpegError:
            continue
    return False


def decoded(
    container: InputContainer, track: Track, remark: Remark, max_silence_s: float = MAX_SILENCE_S
) -> Iterator[Channels]:
    """The sound of one track, in blocks of up to a second, shape (n, channels). The number of channels may change.

    It starts with the container, and has silence in its gaps (`media.clock`).
    """
    stream = track.stream_of(container)
    clock = Clock(_start_of(container), max_silence_s, remark)
    _select(container, stream)
    resampler: AudioResampler | None = None
    source = None
    for frame in _frames(container, stream, lambda loss: remark(_damaged(track, loss))):
        if gap := clock.gap(frame):
            yield from resampled(resampler, None)
            resampler = None
            for block in silence(gap):
                yield np.repeat(block[:, None], frame.layout.nb_channels, axis=1)
        frame.pts = None  # jumping timestamps would confuse the resampler
        if resampler is None or source != (frame.format.name, frame.layout.name, frame.sample_rate):  # may change within a file
            yield from resampled(resampler, None)
            resampler = resampling.resampler_for(frame, SAMPLE_RATE)
            source = (frame.format.name, frame.layout.name, frame.sample_rate)
        yield from resampled(resampler, frame)
    yield from resampled(resampler, None)


def side_by_side(sounds: Sequence[Iterator[Samples]]) -> Iterator[Channels]:
    """One channel for each sound, in blocks of up to a second; shorter ones end in silence."""
    waiting: list[Samples] = [np.empty(0, np.float32) for _ in sounds]
    while True:
        for i, sound in enumerate(sounds):
            while len(waiting[i]) < SAMPLE_RATE and (block := next(sound, None)) is not None:
                waiting[i] = np.concatenate([waiting[i], block])
        length = min(SAMPLE_RATE, max(len(samples) for samples in waiting))
        if length == 0:
            return
        channels = np.zeros((length, len(sounds)), np.float32)
        for i, samples in enumerate(waiting):
            channels[: len(samples), i] = samples[:length]
            waiting[i] = samples[length:]
        yield channels


def _start_of(container: InputContainer) -> float | None:
    """The earliest timestamp of its streams, in seconds: the sound may start after the picture."""
    return None if container.start_time is None else container.start_time / av.time_base


def _select(container: InputContainer, stream: AudioStream) -> None:
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all
    resampling.bound(stream)


def _frames(container: InputContainer, stream: AudioStream, lost: Callable[[str], None]) -> Iterator[AudioFrame]:
    good = bad = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            log.warning("A recording ended after %d packets: %s", good, error.strerror)
            lost("what follows cannot be read.")
            break
        if packet is None:
            break
        resampling.check_packet(packet.size)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            continue
        good += packet.size > 0  # the last one, which ends the decoding, is empty
        yield from frames
    if 0 < bad <= good:
        lost(f"{bad} of {good + bad} packets were left out.")
    if bad:
        log.warning("A recording had %d damaged packets among %d; they were skipped.", bad, good + bad)
    if bad > good:
        raise AudioError(UNDECODABLE)
