"""Encoding to WAV and MP3, read back with the decoder and with libsndfile."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from media.decoding import decode
from media.encoding import mp3_bytes, wav_bytes
from pipeline.types import SAMPLE_RATE, Samples


@pytest.fixture
def chirp() -> Samples:
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * (200 * time + 300 * time**2))).astype(np.float32)


def test_wav_is_16_khz_mono_16_bit(chirp: Samples) -> None:
    info = soundfile.info(io.BytesIO(wav_bytes(chirp)))
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (SAMPLE_RATE, 1, "PCM_16", len(chirp))


def test_wav_is_what_decode_gave(tmp_path: Path, chirp: Samples) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(chirp))
    once = decode(tmp_path / "a.wav", max_duration=60)
    assert once == pytest.approx(chirp, abs=1 / 65536)
    assert wav_bytes(once) == (tmp_path / "a.wav").read_bytes()


def test_loud_samples_clip_and_do_not_wrap() -> None:
    loud, _ = soundfile.read(io.BytesIO(wav_bytes(np.array([-2, -1, 1, 2], np.float32))), dtype="int16")
    assert loud.tolist() == [-32768, -32768, 32767, 32767]


def test_mp3_sounds_the_same(tmp_path: Path, chirp: Samples) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3_bytes(chirp))
    back = decode(tmp_path / "a.mp3", max_duration=60)
    assert len(back) == pytest.approx(len(chirp), abs=0.1 * SAMPLE_RATE)
    delays = np.correlate(back, chirp[: SAMPLE_RATE * 2], "valid")[: SAMPLE_RATE // 10]
    delay = int(delays.argmax())
    assert np.corrcoef(back[delay : delay + 2 * SAMPLE_RATE], chirp[: 2 * SAMPLE_RATE])[0, 1] > 0.99


def test_mp3_bitrate(chirp: Samples) -> None:
    assert len(mp3_bytes(chirp, "32k")) < 0.6 * len(mp3_bytes(chirp, "64k"))


@pytest.mark.parametrize("length", [0, 1, 159])
def test_almost_nothing(length: int) -> None:
    samples = np.zeros(length, np.float32)
    assert soundfile.info(io.BytesIO(wav_bytes(samples))).frames == length
    assert mp3_bytes(samples)


def test_no_warning_without_ffmpeg_on_the_path() -> None:
    code = "import numpy; from media.encoding import mp3_bytes; mp3_bytes(numpy.zeros(160, numpy.float32))"
    environment = os.environ | {"PATH": "/nowhere"}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
