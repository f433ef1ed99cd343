"""Decode uploaded recordings to 16 kHz samples.

A recording is untrusted. FFmpeg (through PyAV) opens it only as a plain file of an allowed format. Damaged packets are skipped.
The demuxers of FFmpeg allocate by what a file's header declares: `media.decoding_process` limits their memory.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from media import tracks
from media.clock import MAX_SILENCE_S
from media.comparison import Comparison
from media.downmix import Channels, Downmix
from media.resampling import UnsupportedSoundError
from media.tracks import AudioError, Track
from pipeline.types import SAMPLE_RATE, Note, Samples

__all__ = ["AudioError", "Source", "decode"]

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,iff,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,"
    "nistsphere,nut,ogg,oma,pvf,qcp,rm,shn,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xwma"
)
"""FFmpeg demuxers that may open a recording: containers and self-describing audio.

Excluded are demuxers that open other files or addresses (hls, dash, concat, sdp, vobsub), generate a signal (lavfi), or rely on
the file's extension (raw PCM, images).
"""

SILENCED = "The recording is loud, but its samples are not numbers or cancel each other: export it again as WAV or FLAC."
UNREADABLE = (
    "The recording is cut off, damaged or in no format that can be read: send a complete WAV, MP3, FLAC, Ogg, M4A, MP4 "
    "or WebM file (give headerless PCM a WAV header first)."
)

_GROWTH = 600 * SAMPLE_RATE  # 38 MB a step

Block = TypeVar("Block", bound=NDArray[np.float32])


def decode(path: Path, *, max_duration: float) -> Samples:
    """The mixed sound of an audio or video file, all of it in memory (`Source.mixed`)."""
    return collected(Source(path, max_duration).mixed())


def collected(blocks: Iterable[Samples]) -> Samples:
    """One array of all blocks, shape (n,)."""
    # A large array is resized by remapping pages without a copy, so that the array itself is the peak.
    samples = np.empty(0, np.float32)
    n = 0
    for block in blocks:
        if n + len(block) > len(samples):
            samples.resize(len(samples) + _GROWTH, refcheck=False)
        samples[n : n + len(block)] = block
        n += len(block)
    samples.resize(n, refcheck=False)
    return samples


class Source:
    """An audio or video file. Its sound can be read more than once. All methods block: call them in a thread.

    The channels are those of its audio track, or one for each of several tracks, as screen recorders keep a microphone and the
    desktop. Tracks that cannot be decoded are left out. The readable part of a damaged file is returned. Sound is where the
    container's timestamps put it (`media.clock`).

    Raises AudioError if it has no sound that can be decoded. Its iterators do, too, and beyond `max_duration` seconds.
    """

    def __init__(self, path: Path, max_duration: float) -> None:
        if path.stat().st_size == 0:
            raise AudioError("The recording is empty (0 bytes): send it again.")
        self.losses: list[Note] = []
        """On tracks and packets that were left out; complete once its sound was read."""
        self._mix_note: Note | None = None
        self._path = path
        self._max_samples = math.ceil(max_duration * SAMPLE_RATE)
        with _opened(path) as container:
            self._tracks, undecodable = tracks.found(container)
        if len(self._tracks) > 1:
            silent = [track for track in self._tracks if not self._decodes(track)]
            self._tracks = [track for track in self._tracks if track not in silent]
            undecodable = sorted([*undecodable, *silent], key=lambda track: track.number)
        if not self._tracks:
            raise AudioError(tracks.UNDECODABLE)
        self.losses += [tracks.left_out(track, "nothing in it can be decoded.") for track in undecodable]

    @property
    def notes(self) -> tuple[Note, ...]:
        """On what `mixed` left out and changed, once it was read."""
        return (*self.losses, *([] if self._mix_note is None else [self._mix_note]))

    @property
    def has_dubs(self) -> bool:
        """Its tracks are in different languages, as those of a film are."""
        return len({track.language for track in self._tracks if track.language}) > 1

    def without_dubs(self) -> Self:
        """Leave out all tracks but the best."""
        best = next((track for track in self._tracks if track.best), self._tracks[0])
        self.losses += [
            tracks.left_out(track, f"track {best.number} has the same sound in another language.")
            for track in self._tracks
            if track is not best
        ]
        self._tracks = [best]
        return self

    def mixed(self, comparison: Comparison | None = None) -> Iterator[Samples]:
        """The sound in blocks of up to a second, shape (n,), within [-1, 1], mixed by `media.downmix`.

        All channels have the same weight: FFmpeg's own downmix drops some. `comparison` gets all channels.
        """
        downmix = Downmix()
        for block in self.channels():
            if comparison is not None:
                comparison.add(block)
            yield downmix.mix(block)
        if downmix.silenced:
            raise AudioError(SILENCED)
        self._mix_note = downmix.note()

    def channels(self) -> Iterator[Channels]:
        """The sound in blocks of up to a second, shape (n, channels), as it was decoded: see `media.downmix.clean`."""
        if len(self._tracks) == 1:
            yield from self._limited(self._decoded(self._tracks[0]))
        else:
            yield from self._limited(tracks.side_by_side([self._mono(track) for track in self._tracks]))

    def _decoded(self, track: Track) -> Iterator[Channels]:
        with _opened(self._path) as container:
            yield from tracks.decoded(container, track, self._note, min(MAX_SILENCE_S, self._max_samples / SAMPLE_RATE))

    def _mono(self, track: Track) -> Iterator[Samples]:
        """One of several tracks. Where it is damaged, the others go on."""
        downmix = Downmix()
        try:
            for block in self._decoded(track):
                yield downmix.mix(block)
        except AudioError as error:
            self._note(tracks.left_out(track, str(error)))
        self._note(downmix.note())
        if downmix.silenced:
            self._note(tracks.left_out(track, SILENCED))

    def _decodes(self, track: Track) -> bool:
        """Something at the beginning of the track can be decoded."""
        with _opened(self._path) as container:
            return tracks.has_sound(container, track.stream_of(container))

    def _note(self, note: Note | None) -> None:
        if note is not None and note not in self.losses:
            self.losses.append(note)

    def _limited(self, sound: Iterable[Block]) -> Iterator[Block]:
        n = 0
        for block in sound:
            n += len(block)
            if n > self._max_samples:
                length = self._max_samples / SAMPLE_RATE
                text = f"{length / 3600:.3g} hours" if length > 3600 else f"{length:.3g} seconds"
                raise AudioError(f"The recording is longer than the {text} allowed: cut it into shorter parts.")
            yield block
        if n == 0:
            raise AudioError("The recording holds no sound, only a header or damaged data: record or export it again.")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """The file, with errors as AudioError."""
    # The prefix keeps a name such as `concat:a|b` a file name; the two lists confine a container to its own bytes.
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        with av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace") as container:
            yield container
    except UnsupportedSoundError as error:
        raise AudioError(str(error)) from error
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise AudioError(UNREADABLE) from error
