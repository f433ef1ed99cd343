"""Sound is where the timestamps of its container put it, within bounds."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from media.clock import MAX_NOTES
from media.decoding import Source, collected
from media.webm import WebmDecoder
from pipeline.types import SAMPLE_RATE, Note, Samples
from tests.support.program import DATA
from tests.unit.media.test_stream import decoded, pieces, tone

RATE = 48_000
TONE_S = 1.0
YEAR_S = 365 * 86400


def recording(starts: list[float], container: str = "matroska", picture: bool = False) -> bytes:
    """A tone of a second at each of these times; with a picture at 0."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if picture:
            video = output.add_stream("mpeg4", rate=25)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = output.add_stream("libopus" if container == "webm" else "flac", rate=RATE, layout="mono")
        if picture:
            for i in range(3):
                image = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")
                image.pts = i
                output.mux(video.encode(image))
        for start in starts:
            pcm = (tone(TONE_S, RATE) * 32767).astype(np.int16)
            for at in range(0, len(pcm), 960):
                frame = av.AudioFrame.from_ndarray(pcm[None, at : at + 960], format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, round(start * RATE) + at
                output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
        if picture:
            output.mux(video.encode(None))
    return file.getvalue()


def from_file(data: bytes, path: Path) -> tuple[Samples, tuple[Note, ...]]:
    path.write_bytes(data)
    source = Source(path, 600)
    return collected(source.mixed()), source.notes


def heard(samples: Samples) -> list[tuple[float, float]]:
    """The stretches with sound, in tenths of a second."""
    loud = np.pad(np.abs(samples[: len(samples) // 1600 * 1600]).reshape(-1, 1600).max(axis=1) > 0.05, 1)
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    return [(float(start) / 10, float(end) / 10) for start, end in edges.reshape(-1, 2)]


def near(*stretches: tuple[float, float]) -> list[object]:
    """The encoder's frames do not end with the tones."""
    return [pytest.approx(stretch, abs=0.11) for stretch in stretches]


def test_a_gap_is_kept_and_noted(tmp_path: Path) -> None:
    samples, notes = from_file(recording([0.0, 5.0]), tmp_path / "gap.mkv")
    assert heard(samples) == near((0.0, 1.0), (5.0, 6.0))
    assert len(samples) == pytest.approx(6 * SAMPLE_RATE, abs=20)
    (note,) = notes
    assert (note.kind, note.message) == ("sound", "4.0 s of sound are missing in the recording.")
    assert [note.start, note.end] == pytest.approx([1.0, 5.0], abs=0.06)


def test_sound_that_starts_after_the_picture(tmp_path: Path) -> None:
    samples, notes = from_file(recording([3.0], picture=True), tmp_path / "late.mkv")
    assert heard(samples) == [(3.0, 4.0)]
    assert notes == ()


def test_a_recording_of_sound_alone_starts_with_it(tmp_path: Path) -> None:
    """A part of a stream has the timestamps of the stream."""
    samples, notes = from_file(recording([3600.0]), tmp_path / "part.mkv")
    assert (heard(samples), notes) == ([(0.0, 1.0)], ())


@pytest.mark.parametrize("jump", [3 * 3600, YEAR_S])
def test_a_wild_clock_is_not_followed(tmp_path: Path, jump: float) -> None:
    samples, notes = from_file(recording([0.0, jump, jump + 3.0]), tmp_path / "wild.mkv")
    assert heard(samples) == near((0.0, 2.0), (4.0, 5.0))
    assert [note.message.split(";")[-1] for note in notes] == [
        " this gap was closed.",
        "2.0 s of sound are missing in the recording.",
    ]


def test_a_gap_beyond_the_longest_recording_is_closed(tmp_path: Path) -> None:
    samples, (note,) = from_file(recording([0.0, 700.0]), tmp_path / "long.mkv")
    assert heard(samples) == [(0.0, 2.0)]
    assert note.message == "The clock of the recording jumps by 12 minutes; this gap was closed."


@pytest.mark.parametrize("size", [500, 10**6])
def test_a_live_stream_keeps_its_gaps(size: int) -> None:
    decoder = WebmDecoder()
    samples = decoded(decoder, pieces(recording([0.0, 5.0], "webm"), size))
    assert heard(samples)[-1] == (5.0, 6.0)
    assert [note.message for note in decoder.notes] == ["4.0 s of sound are missing in the recording."]


def test_the_wild_clock_of_a_live_stream_is_not_followed() -> None:
    decoder = WebmDecoder()
    samples = decoded(decoder, [recording([0.0, 5000.0], "webm")])
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=1600)
    assert [note.message for note in decoder.notes] == ["The clock of the recording jumps by 83 minutes; this gap was closed."]


def test_the_notes_on_a_clock_are_bounded(tmp_path: Path) -> None:
    _, notes = from_file(recording([i * 2.0 for i in range(MAX_NOTES + 3)]), tmp_path / "many.mkv")
    assert len(notes) == MAX_NOTES
    assert notes[-1].message == "The clock of the recording goes on to jump; further gaps are not listed."


@pytest.mark.parametrize(
    ("name", "length", "first_s"), [("gap10b.webm", 20.485, 0.2), ("nogap.webm", 10.485, 0.2), ("offset8.mp4", 13.44, 8.3)]
)
def test_reported_recordings(name: str, length: float, first_s: float) -> None:
    path = DATA / "edge/reports" / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    samples = collected(Source(path, 600).mixed())
    assert len(samples) / SAMPLE_RATE == pytest.approx(length, abs=0.01)
    assert heard(samples)[0][0] == pytest.approx(first_s, abs=0.15)
    if path.suffix == ".webm":
        live = decoded(WebmDecoder(), pieces(path.read_bytes(), 4000))
        assert heard(live) == near(*heard(samples))
