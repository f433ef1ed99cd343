"""Containers with several audio tracks."""

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from media.decoding import AudioError, Source, collected
from pipeline.types import SAMPLE_RATE, Samples
from tests.support.program import DATA
from tests.unit.media.test_downmix import A, B, likeness

needs_data = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")

LATE = np.concatenate([np.zeros(4 * SAMPLE_RATE, np.float32), B])
"""B after four seconds."""


def file(directory: Path, *sounds: Samples, suffix: str = "mka", options: tuple[str, ...] = ("-c:a", "flac")) -> Path:
    """A container with a track for each sound."""
    inputs: list[str] = []
    for number, sound in enumerate(sounds):
        soundfile.write(directory / f"{number}.wav", sound, SAMPLE_RATE)
        inputs += ["-i", str(directory / f"{number}.wav")]
    maps = [option for number in range(len(sounds)) for option in ("-map", str(number))]
    path = directory / f"tracks.{suffix}"
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *maps, *options, str(path)], check=True)
    return path


def with_unknown_codec(path: Path) -> Path:
    """The same MP4 with an unknown codec in its last track, like the spatial sound of an iPhone in FFmpeg."""
    content = bytearray(path.read_bytes())
    for box in (b"mp4a", b"esds"):
        at = content.rindex(box)
        content[at : at + 4] = b"xxxx"
    path.write_bytes(bytes(content))
    return path


def with_damaged_packets(path: Path, track: int, first: int = 0) -> Path:
    """The same file with noise in the packets of a track, from `first` on."""
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(container.streams.audio[track])][first:]
    for at, size in places:
        if at is not None:
            content[at : at + size] = np.random.default_rng(0).bytes(size)
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize(("suffix", "codec"), [("mka", "flac"), ("mp4", "aac"), ("mov", "pcm_s16le"), ("webm", "libopus")])
def test_all_tracks_are_heard(tmp_path: Path, suffix: str, codec: str) -> None:
    source = Source(file(tmp_path, A, LATE, suffix=suffix, options=("-c:a", codec)), 60)
    sound = np.concatenate(list(source.channels()))
    assert sound.shape[1] == 2
    assert len(sound) / SAMPLE_RATE == pytest.approx(7.0, abs=0.2)
    assert np.abs(sound[3 * SAMPLE_RATE + 3000 :, 0]).max() < 1e-3  # the shorter one ends in silence
    assert np.abs(sound[: 4 * SAMPLE_RATE - 3000, 1]).max() < 1e-3
    mix = collected(source.mixed())
    assert np.linalg.norm(mix[: 3 * SAMPLE_RATE]) == pytest.approx(np.linalg.norm(A) / 2, rel=0.1)
    assert np.linalg.norm(mix[4 * SAMPLE_RATE - 3000 :]) == pytest.approx(np.linalg.norm(B) / 2, rel=0.1)
    assert source.notes == ()


def test_each_track_is_one_channel_and_does_not_cancel(tmp_path: Path) -> None:
    stereo = np.stack([A, -A], axis=1)
    source = Source(file(tmp_path, stereo, B), 60)
    sound = np.concatenate(list(source.channels()))
    assert sound.shape[1] == 2
    assert likeness(sound[:, 0], A) > 0.99


AAC = ("-c:a", "aac", "-b:a:0", "32k", "-b:a:1", "128k")
LEFT_OUT = ["Track 2 of the recording was left out: nothing in it can be decoded."]


def test_a_track_without_a_decoder_is_left_out_with_a_note(tmp_path: Path) -> None:
    source = Source(with_unknown_codec(file(tmp_path, A, B, suffix="mp4", options=AAC)), 60)
    assert np.linalg.norm(collected(source.mixed())) == pytest.approx(np.linalg.norm(A), rel=0.1)
    assert {block.shape[1] for block in source.channels()} == {1}
    assert [note.message for note in source.notes] == LEFT_OUT


def test_a_damaged_track_is_left_out_with_a_note(tmp_path: Path) -> None:
    """Both tracks have a decoder."""
    path = file(tmp_path, A, B, suffix="mov", options=("-c:a:0", "pcm_s16le", "-c:a:1", "alac"))
    source = Source(with_damaged_packets(path, 1), 60)
    assert likeness(collected(source.mixed()), A) > 0.99
    assert [note.message for note in source.notes] == LEFT_OUT


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (20, "Track 2 of the recording was left out: The recording is damaged or in a codec that cannot be read"),
        (30, "Track 2 of the recording is damaged: 29 of 59 packets were left out."),
    ],
)
def test_a_track_that_is_damaged_later_is_noted_and_the_other_goes_on(tmp_path: Path, first: int, message: str) -> None:
    path = file(tmp_path, A, np.tile(B, 5), suffix="mov", options=("-c:a:0", "pcm_s16le", "-c:a:1", "alac"))
    source = Source(with_damaged_packets(path, 1, first), 60)
    assert likeness(np.concatenate(list(source.channels()))[: len(A), 0], A) > 0.99
    assert [note.message[: len(message)] for note in source.notes] == [message]


def test_no_decodable_track_at_all(tmp_path: Path) -> None:
    path = with_unknown_codec(file(tmp_path, A, suffix="mp4", options=("-c:a", "aac")))
    with pytest.raises(AudioError, match="codec that cannot be read"):
        Source(path, 60)


def test_the_limit_counts_the_longest_track(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="longer than the 5 seconds allowed"):
        collected(Source(file(tmp_path, A, LATE), 5).mixed())


@needs_data
def test_the_reported_files() -> None:
    apple = Source(DATA / "edge/reports/iphone_apac.mp4", 60)
    assert len(collected(apple.mixed())) / SAMPLE_RATE == pytest.approx(5.4, abs=0.1)
    assert len(apple.notes) == 1
    two = np.concatenate(list(Source(DATA / "edge/reports/two_tracks.mp4", 60).channels()))
    loud = [np.flatnonzero(np.abs(two[:, i]) > 0.05) / SAMPLE_RATE for i in (0, 1)]
    assert loud[0][-1] < 6 < loud[1][0] + 0.5
