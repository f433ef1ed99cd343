"""WebM as it grows: what a browser's MediaRecorder sends, piece by piece.

FFmpeg reads a file when it likes, not when there is something to read. So it runs in a thread of its own, which waits at the
end of a pipe for the bytes that come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from media.decoder import StreamError
from pipeline.live.endpointing import level
from pipeline.types import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.container import InputContainer

UNHEARD = 60 * SAMPLE_RATE
"""Samples that may wait for the listener: a few bytes can stand for a minute."""
OPTIONS = {"probesize": "32", "analyzeduration": "0"}
"""FFmpeg must not wait for more than the header before it begins: it is a browser's, and says everything. `nobuffer` would
lose the first packet, 60 ms."""
DAMAGED = "The WebM stream is damaged or holds no sound: send what MediaRecorder gives, from its first piece on."


CODECS = ("opus", "libopus", "vorbis", "pcm_f32le", "pcm_s16le")
"""FFmpeg's names of what browsers put into WebM."""


class WebmDecoder:
    """A stream of `audio/webm`, from its header on."""

    def __init__(self) -> None:
        self.level = 0.0
        self._news = threading.Condition()
        self._bytes = bytearray()
        self._samples: deque[Samples] = deque()
        self._waiting = 0
        """Samples in `_samples`."""
        self._starving = False
        """The decoder has made of the bytes what can be made of them, and waits for more."""
        self._complete = False
        """No more bytes will come."""
        self._closed = False
        self._over = False
        """Nothing more will be decoded."""
        self._damaged = False
        threading.Thread(target=self._run, daemon=True, name="webm").start()

    def feed(self, data: bytes) -> Iterator[Samples]:
        with self._news:
            self._bytes += data
            self._starving = self._starving and not data
            self._news.notify_all()
        yield from self._heard(lambda: self._starving)

    def finish(self) -> Iterator[Samples]:
        with self._news:
            self._complete = True
            self._news.notify_all()
        yield from self._heard(lambda: False)

    def close(self) -> None:
        with self._news:
            self._closed = self._complete = True
            self._bytes.clear()
            self._news.notify_all()

    def read(self, size: int) -> bytes:
        """Called by FFmpeg: some of the bytes, once there are any; none at the end."""
        with self._news:
            self._starving = not self._bytes
            self._news.notify_all()
            self._news.wait_for(lambda: self._bytes or self._complete)
            data = bytes(self._bytes[:size])
            del self._bytes[:size]
            self._news.notify_all()
            return data

    def _heard(self, enough: Callable[[], bool]) -> Iterator[Samples]:
        """What was decoded, until that is `enough`, or all."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._samples or enough() or self._over)
                samples = list(self._samples)
                self._samples.clear()
                self._waiting = 0
                over = enough() or self._over
                self._news.notify_all()
            if samples:
                self.level = level(samples[-1])
                yield np.concatenate(samples)
            elif self._damaged:
                raise StreamError(DAMAGED)
            elif over:
                return

    def _run(self) -> None:
        import av

        try:
            with av.open(self, "r", format="matroska", options=OPTIONS, buffer_size=4096) as container:
                for samples in _decode(container):
                    with self._news:
                        self._news.wait_for(lambda: self._waiting < UNHEARD or self._closed)
                        if self._closed:
                            return
                        self._samples.append(samples)
                        self._waiting += len(samples)
                        self._news.notify_all()
        except (av.FFmpegError, StreamError):
            self._damaged = True
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()


def _decode(container: InputContainer) -> Iterator[Samples]:
    """The sound of the first audio stream, 16 kHz mono; what is damaged in it is left out."""
    import av

    stream = next(iter(container.streams.audio), None)
    if stream is None or stream.codec_context.name not in CODECS:
        raise StreamError(DAMAGED)
    resampler: AudioResampler | None = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            frame.pts = None
            resampler = resampler or av.AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE)
            yield from _mixed(resampler.resample(frame))
    if resampler is not None:
        yield from _mixed(resampler.resample(None))


def _mixed(frames: Iterable[AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        channels = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
        yield np.nan_to_num(channels, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0).mean(axis=1, dtype=np.float32)
