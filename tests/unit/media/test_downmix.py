"""Channels that are each other's inverse do not cancel when they are mixed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from media.decoders import Decoders
from media.decoding import AudioError, Source, collected, decode
from media.downmix import Downmix
from pipeline.types import SAMPLE_RATE, Samples
from tests.support.program import DATA

needs_data = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")


def voice(seed: int, seconds: float = 3.0) -> Samples:
    """Noise with the spectrum and the pauses of a voice."""
    generator = np.random.default_rng(seed)
    n = round(seconds * SAMPLE_RATE)
    noise = np.convolve(generator.standard_normal(n), np.ones(8) / 8, "same")
    loud = np.repeat(generator.uniform(0, 1, n // 2000 + 1), 2000)[:n]
    return (0.2 * loud * noise).clip(-1, 1).astype(np.float32)


A, B, C = voice(0), voice(1), voice(2)


def mixed(channels: list[Samples], piece: int = SAMPLE_RATE) -> tuple[Samples, Downmix]:
    downmix = Downmix()
    sound = np.stack(channels, axis=1)
    return np.concatenate([downmix.mix(sound[at : at + piece]) for at in range(0, len(sound), piece)]), downmix


def likeness(a: Samples, b: Samples) -> float:
    """Correlation without its sign: the polarity of a whole recording is inaudible."""
    return abs(float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9)))


@pytest.mark.parametrize("piece", [SAMPLE_RATE, 320, 777])
@pytest.mark.parametrize(
    ("channels", "sources", "inverted"),
    [
        ([A, -A], [A], "Channel 2"),
        ([A, -0.7 * A], [A], "Channel 2"),
        ([A, -0.8 * A + 0.2 * B], [A], "Channel 2"),
        ([A, -A, B, -B], [A, B], "Channels 2 and "),
        ([A, -A / 2, -A / 2], [A], "Channels 2 and 3"),
        ([A, A, -A, -A, A, -A], [A], "Channels 3, 4 and 6"),
        ([A + B, -A, -B], [A, B], "Channels 2 and 3"),
    ],
    ids=["inverse", "quieter", "partly", "two pairs", "three", "six", "sum"],
)
def test_what_would_cancel_is_heard(channels: list[Samples], sources: list[Samples], inverted: str, piece: int) -> None:
    sound, downmix = mixed(channels, piece)
    for source in sources:
        assert likeness(sound, source) > 0.55
    assert not downmix.silenced
    note = downmix.note()
    assert note is not None
    assert note.kind == "sound"
    assert note.message.startswith(inverted)
    assert note.end == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "channels",
    [[A], [A, A], [A, B], [A, 0.5 * A + 0.5 * B], [A, np.zeros_like(A)], [A, -0.05 * A], [A, B, C], [np.zeros_like(A)] * 2],
    ids=["mono", "same", "different", "wide", "one", "crosstalk", "three", "silence"],
)
def test_ordinary_channels_are_averaged(channels: list[Samples]) -> None:
    sound, downmix = mixed(channels)
    assert sound == pytest.approx(np.mean(channels, axis=0), abs=1e-6)
    assert downmix.note() is None
    assert not downmix.silenced


def test_a_voice_that_cancels_is_heard_through_hum_that_does_not() -> None:
    hum = (0.1 * np.sin(2 * np.pi * 50 * np.arange(len(A)) / SAMPLE_RATE)).astype(np.float32)
    assert np.linalg.norm(hum) > np.linalg.norm(A)
    sound, _ = mixed([A + hum, hum - A])
    assert likeness(sound, A) > 0.7


def test_a_part_that_cancels_is_heard_and_noted_with_its_time() -> None:
    right = np.concatenate([A, -B, C])
    sound, downmix = mixed([np.concatenate([A, B, C]), right])
    for i, part in enumerate([A, B, C]):
        assert np.linalg.norm(sound[i * len(A) : (i + 1) * len(A)]) > 0.95 * np.linalg.norm(part)
    note = downmix.note()
    assert note is not None
    assert note.start == pytest.approx(3.0, abs=0.2)


def test_two_microphones_are_not_taken_for_inverse() -> None:
    """At some frequencies their distance turns the wave over."""
    tone = (0.3 * np.sin(2 * np.pi * 500 * np.arange(SAMPLE_RATE // 10) / SAMPLE_RATE)).astype(np.float32)
    left = np.concatenate([A, tone, B, C])
    right = np.concatenate([np.zeros(16, np.float32), left[:-16]])
    sound, downmix = mixed([left, right])
    assert downmix.note() is None
    assert np.linalg.norm(sound[len(A) :][: len(tone)]) > 0.9 * np.linalg.norm(tone)


def test_a_voice_that_turns_over_within_a_sentence_does_not_click() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
    other = np.concatenate([tone[:SAMPLE_RATE], -tone[SAMPLE_RATE:]])
    sound, _ = mixed([tone, other])
    assert np.abs(np.diff(sound)).max() < 2 * np.abs(np.diff(tone)).max()


def test_the_channel_count_may_change() -> None:
    downmix = Downmix()
    first, second = downmix.mix(np.stack([A, -A], axis=1)), downmix.mix(np.stack([B, -B, B], axis=1))
    assert likeness(first, A) > 0.99
    assert likeness(second, B) > 0.99


def test_a_file_of_inverted_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([A, -A], axis=1), SAMPLE_RATE, "FLOAT")
    source = Source(tmp_path / "a.wav", 60)
    assert likeness(collected(source.mixed()), A) > 0.99
    assert [note.kind for note in source.notes] == ["sound"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sound_that_becomes_silence_is_refused(tmp_path: Path, value: float) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(SAMPLE_RATE, value, np.float32), SAMPLE_RATE, "FLOAT")
    with pytest.raises(AudioError, match="samples are not numbers"):
        decode(tmp_path / "a.wav", max_duration=60)


async def test_an_upload_says_what_was_inverted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([A, -A], axis=1), SAMPLE_RATE)
    decoders = Decoders()
    try:
        decoded = await decoders.decode(tmp_path / "a.wav", tmp_path / "a.flac", 60)
    finally:
        decoders.close()
    assert [note.kind for note in decoded.notes] == ["sound"]
    assert likeness(soundfile.read(tmp_path / "a.flac", dtype="float32")[0], A) > 0.99


@needs_data
def test_the_reported_file() -> None:
    source = Source(DATA / "edge/reports/phase_inverted.flac", 60)
    sound = collected(source.mixed())
    left = soundfile.read(DATA / "edge/reports/phase_inverted.flac", dtype="float32")[0][:, 0]
    assert likeness(sound, left) > 0.99
    assert len(source.notes) == 1
