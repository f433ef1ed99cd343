"""Channels are kept apart where they hold different speech, and only there."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from media import recording, separation
from media.decoding import AudioError
from pipeline.types import SAMPLE_RATE, ChannelMode, Samples, Span
from tests.support.program import DATA
from tests.unit.media.test_tracks import file

needs_data = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")


def talk(seed: int, turns: list[tuple[float, float]], seconds: float = 12.0) -> Samples:
    """Noise in turns, of which the loudness changes with every syllable."""
    generator = np.random.default_rng(seed)
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for start, end in turns:
        part = slice(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        length = part.stop - part.start
        loudness = np.repeat(10 ** generator.uniform(-2.0, 0.0, length // 2400 + 1), 2400)[:length]
        samples[part] = 0.2 * loudness * generator.standard_normal(length)
    return samples.clip(-1, 1)


def noise(level: float, seed: int = 9) -> Samples:
    return (level * np.random.default_rng(seed).standard_normal(12 * SAMPLE_RATE)).astype(np.float32)


def delayed(samples: Samples, by: int) -> Samples:
    return np.concatenate([np.zeros(by, np.float32), samples[:-by]])


A, B = talk(1, [(0.0, 3.0), (6.0, 9.0)]), talk(2, [(3.2, 5.8), (9.2, 11.8)])
OVER_A = talk(3, [(0.0, 11.5)])
ROOM = A + B
SILENCE = np.zeros_like(A)

DIFFERENT = {
    "in turn": [A, B],
    "with line noise": [A + noise(0.001), B + noise(0.001, 10)],
    "a faint echo": [A + 0.01 * B, B + 0.01 * A],
    "at the same time": [A, OVER_A],
    "one speaks little": [A, talk(4, [(4.0, 5.5)])],
    "three": [A, B, talk(5, [(0.5, 2.0), (6.0, 7.5)])],
    "speech and silence between": [A, SILENCE, B],
}
SAME = {
    "mono": [A],
    "copies": [A, A],
    "a quieter copy": [A, 0.1 * A],
    "inverse": [A, -A],
    "one side": [A, SILENCE],
    "two microphones in a room": [ROOM + noise(0.002), 0.7 * delayed(ROOM, 40) + noise(0.002, 10)],
    "two microphones on one table": [A + 0.3 * delayed(B, 30), B + 0.3 * delayed(A, 30)],
    "silence": [SILENCE, SILENCE],
    "faint": [1e-4 * A, 1e-4 * B],
}


def stereo(directory: Path, channels: list[Samples]) -> Path:
    soundfile.write(directory / "a.wav", np.stack(channels, axis=1), SAMPLE_RATE, "FLOAT")
    return directory / "a.wav"


@pytest.mark.parametrize("channels", DIFFERENT.values(), ids=DIFFERENT)
def test_different_speech_is_kept_apart(tmp_path: Path, channels: list[Samples]) -> None:
    stored = separation.store(stereo(tmp_path, channels), tmp_path / "a.flac", "auto", 60)
    assert (stored.channels, stored.notes) == (len(channels), ())
    assert recording.channels(tmp_path / "a.flac") == len(channels)
    for i, channel in enumerate(channels):
        assert np.abs(recording.read(tmp_path / "a.flac", channel=i) - channel).max() < 1e-4


@pytest.mark.parametrize("channels", SAME.values(), ids=SAME)
def test_the_same_sound_is_mixed(tmp_path: Path, channels: list[Samples]) -> None:
    assert separation.store(stereo(tmp_path, channels), tmp_path / "a.flac", "auto", 60).channels == 1


@pytest.mark.parametrize("mode", ["auto", "separate", "mix"])
@pytest.mark.parametrize("channels", [DIFFERENT["in turn"], SAME["copies"]], ids=["different", "same"])
def test_the_command_gets_the_channels_that_are_stored(tmp_path: Path, channels: list[Samples], mode: ChannelMode) -> None:
    path = stereo(tmp_path, channels)
    loaded, stored = separation.load(path, mode, 60), separation.store(path, tmp_path / "a.flac", mode, 60)
    assert (len(loaded.channels), loaded.notes) == (stored.channels, stored.notes)
    for i, channel in enumerate(loaded.channels):
        assert np.abs(recording.read(tmp_path / "a.flac", channel=i) - channel).max() < 1e-4


def test_a_part_of_the_mix_and_of_a_channel(tmp_path: Path) -> None:
    separation.store(stereo(tmp_path, [A, B]), tmp_path / "a.flac", "separate", 60)
    span = Span(4.0, 5.0)
    part = slice(4 * SAMPLE_RATE, 5 * SAMPLE_RATE)
    assert np.abs(recording.read(tmp_path / "a.flac", span) - ((A + B) / 2)[part]).max() < 1e-4
    assert np.abs(recording.read(tmp_path / "a.flac", span, channel=1) - B[part]).max() < 1e-4


def test_no_more_channels_than_can_be_stored(tmp_path: Path) -> None:
    path = stereo(tmp_path, [talk(i, [(i, i + 1.5)]) for i in range(9)])
    assert separation.store(path, tmp_path / "a.flac", "auto", 60).channels == 1
    with pytest.raises(AudioError, match="9 channels, and up to 8"):
        separation.store(path, tmp_path / "a.flac", "separate", 60)


def test_samples_that_are_not_numbers_are_silence_in_their_channel(tmp_path: Path) -> None:
    broken = B.copy()
    broken[:1000] = np.nan
    separation.store(stereo(tmp_path, [A, broken]), tmp_path / "a.flac", "separate", 60)
    assert not recording.read(tmp_path / "a.flac", Span(0.0, 0.0625), channel=1).any()


def test_tracks_in_different_languages_are_no_conversation(tmp_path: Path) -> None:
    """A film with a dubbed track: the same music and the same pauses."""
    music = talk(7, [(0.0, 12.0)])
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", "-disposition:a:0", "default")
    path = file(tmp_path, music + 0.1 * A, music + 0.1 * OVER_A, options=("-c:a", "flac", *languages))
    stored = separation.store(path, tmp_path / "a.flac", "auto", 60)
    assert np.abs(recording.read(tmp_path / "a.flac") - (music + 0.1 * A)).max() < 1e-3
    assert [note.message for note in stored.notes] == [
        "Track 2 of the recording was left out: track 1 has the same sound in another language."
    ]


def test_tracks_with_different_speech_are_channels(tmp_path: Path) -> None:
    assert separation.store(file(tmp_path, A, B), tmp_path / "a.flac", "auto", 60).channels == 2


@needs_data
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("edge/reports/two_tracks.mp4", 2),
        ("conversations/misc/stereo_diarization.wav", 2),
        ("edge/reports/phase_inverted.flac", 1),
        ("edge/reports/iphone_apac.mp4", 1),
        ("edge/misc/physicsworks_6ch.webm", 1),
        ("edge/codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.ogg", 1),
        ("edge/misc/siren_24bit_48k_stereo.wav", 1),
    ],
)
def test_real_recordings(tmp_path: Path, name: str, channels: int) -> None:
    assert separation.store(DATA / name, tmp_path / "a.flac", "auto", 3600).channels == channels
