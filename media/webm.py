"""Decode WebM while it arrives in pieces, as a browser's MediaRecorder sends it.

FFmpeg reads from its input when it needs data, not when data arrives. It therefore runs in a thread of its own, and its reads
wait at the end of a buffer for more bytes.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from media import resampling
from media.clock import MAX_LIVE_SILENCE_S, Clock, silence
from media.decoder import StreamError
from media.downmix import Downmix
from media.resampling import UnsupportedSoundError
from pipeline.live.vad import rms
from pipeline.types import SAMPLE_RATE, Note, Samples

MAX_PENDING_SAMPLES = 60 * SAMPLE_RATE
"""Decoded samples that may wait for the reader: a few bytes can decode to a minute of audio."""
MAX_HEADER_BYTES = 1 << 20
"""A browser's header has 200 bytes; FFmpeg keeps all attachments of a longer one in memory."""
OPTIONS = {"probesize": "32", "analyzeduration": "0"}
"""FFmpeg must read no more than the header before it starts decoding: a browser's header is complete. The option `nobuffer`
would lose the first packet, 60 ms."""
DAMAGED = "The WebM stream is damaged or holds no sound: send what MediaRecorder gives, from its first piece on."


CODECS = ("opus", "libopus", "vorbis", "pcm_f32le", "pcm_s16le")
"""FFmpeg's names of the codecs that browsers put into WebM."""


class WebmDecoder:
    """Decodes a stream of `audio/webm` from its header on."""

    def __init__(self) -> None:
        self.level = 0.0
        self.notes: list[Note] = []
        self._changed = threading.Condition()
        self._bytes = bytearray()
        self._samples: deque[Samples] = deque()
        self._pending = 0
        """Samples in `_samples`."""
        self._starving = False
        """FFmpeg has decoded what it can of the bytes, and waits for more."""
        self._begun = False
        """Samples have been decoded."""
        self._header_bytes = 0
        """Read by FFmpeg; counted until there are samples."""
        self._complete = False
        """No more bytes will come."""
        self._closed = False
        self._ended = False
        """No more samples will be decoded."""
        self._error: str | None = None
        """Why the stream cannot be decoded any further."""
        threading.Thread(target=self._run, daemon=True, name="webm").start()

    def feed(self, data: bytes) -> Iterator[Samples]:
        with self._changed:
            self._bytes += data
            self._starving = self._starving and not data
            self._changed.notify_all()
        yield from self._decoded(lambda: self._starving)

    def finish(self) -> Iterator[Samples]:
        with self._changed:
            self._complete = True
            self._changed.notify_all()
        yield from self._decoded(lambda: False)

    def close(self) -> None:
        with self._changed:
            self._closed = self._complete = True
            self._bytes.clear()
            self._changed.notify_all()

    def read(self, size: int) -> bytes:
        """Called by FFmpeg: waits for bytes and returns up to `size` of them; none at the end."""
        with self._changed:
            self._starving = not self._bytes
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._bytes or self._complete)
            if not self._begun and self._header_bytes > MAX_HEADER_BYTES:
                return b""
            data = bytes(self._bytes[:size])
            self._header_bytes += 0 if self._begun else len(data)
            del self._bytes[:size]
            self._changed.notify_all()
            return data

    def _decoded(self, enough: Callable[[], bool]) -> Iterator[Samples]:
        """Decoded samples, until `enough` is true and none are left, or the stream has ended."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._samples or enough() or self._ended)
                samples = list(self._samples)
                self._samples.clear()
                self._pending = 0
                done = enough() or self._ended
                self._changed.notify_all()
            if samples:
                self.level = rms(samples[-1])
                yield np.concatenate(samples)
            elif self._error is not None:
                raise StreamError(self._error)
            elif done:
                return

    def _run(self) -> None:
        try:
            with av.open(self, "r", format="matroska", options=OPTIONS, buffer_size=4096) as container:
                for samples in _decode(container, self.notes):
                    with self._changed:
                        self._changed.wait_for(lambda: self._pending < MAX_PENDING_SAMPLES or self._closed)
                        if self._closed:
                            return
                        self._begun = True
                        self._samples.append(samples)
                        self._pending += len(samples)
                        self._changed.notify_all()
        except (av.FFmpegError, ValueError) as error:  # a ValueError also if the format changes within the stream
            self._error = str(error) if isinstance(error, UnsupportedSoundError) else DAMAGED
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _decode(container: InputContainer, notes: list[Note]) -> Iterator[Samples]:
    """The first audio stream, 16 kHz mono, with silence in its gaps; damaged packets are skipped.

    It starts with the first packet of any stream. `notes` gets those on gaps and inverted channels.
    """
    stream = next(iter(container.streams.audio), None)
    if stream is None or stream.codec_context.name not in CODECS:
        raise StreamError(DAMAGED)
    resampling.bound(stream)
    resampler: AudioResampler | None = None
    downmix = Downmix()
    clock: Clock | None = None
    for packet in container.demux():
        if clock is None:
            origin = None if packet.pts is None or packet.time_base is None else float(packet.pts * packet.time_base)
            clock = Clock(origin, MAX_LIVE_SILENCE_S, notes.append)
        resampling.check_packet(packet.size)
        for frame in _frames(packet, stream):
            if gap := clock.gap(frame):
                yield from resampling.mixed(resampler, None, downmix)
                resampler = None
                for block in silence(gap):
                    yield downmix.mix(np.repeat(block[:, None], frame.layout.nb_channels, axis=1))
            frame.pts = None
            resampler = resampler or resampling.resampler_for(frame)
            yield from resampling.mixed(resampler, frame, downmix)
    yield from resampling.mixed(resampler, None, downmix)
    if (note := downmix.note()) is not None:
        notes.append(note)


def _frames(packet: "av.Packet[Any]", stream: AudioStream) -> list[AudioFrame]:
    """None of them where the packet is damaged or of another stream."""
    if packet.stream is not stream:
        return []
    try:
        return cast("av.Packet[AudioStream]", packet).decode()
    except av.FFmpegError:
        return []
