"""Sound as bytes: any part of a virtual WAV file is the part of the whole one."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from media import recording
from media.content import BLOCK_BYTES, BytesContent, Content, FileContent, WavContent
from media.encoding import wav_bytes
from pipeline.types import SAMPLE_RATE, Samples

SECONDS = 20.0


@pytest.fixture(scope="module")
def samples() -> Samples:
    noise = np.random.default_rng(1).normal(scale=0.2, size=int(SECONDS * SAMPLE_RATE) + 1)
    return np.asarray(noise, np.float32)


@pytest.fixture(scope="module")
def flac(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "kept.flac"
    recording.write(path, samples)
    return path


def test_a_recording_is_the_wav_file_of_its_samples(flac: Path) -> None:
    content = WavContent(flac.open("rb"))
    whole = b"".join(content.read(0, content.size))
    content.close()
    assert whole == wav_bytes(recording.read(flac))
    info = soundfile.info(io.BytesIO(whole))
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (SAMPLE_RATE, 1, "PCM_16", SECONDS * SAMPLE_RATE + 1)


@pytest.mark.parametrize("kind", ["wav", "file", "bytes"])
def test_every_part_is_a_part_of_the_whole(flac: Path, kind: str) -> None:
    whole = wav_bytes(recording.read(flac)) if kind == "wav" else flac.read_bytes()
    stored = WavContent if kind == "wav" else FileContent
    content: Content = BytesContent(whole) if kind == "bytes" else stored(flac.open("rb"))
    assert content.size == len(whole)
    draw = random.Random(7)
    edges = [0, 1, 43, 44, 45, 46, 47, BLOCK_BYTES, BLOCK_BYTES + 44, BLOCK_BYTES + 45, len(whole) - 1, len(whole)]
    for _ in range(200):
        start, end = sorted(draw.choice([*edges, draw.randrange(len(whole))]) for _ in range(2))
        pieces = list(content.read(start, end))
        assert b"".join(pieces) == whole[start:end], (start, end)
        assert max(map(len, pieces), default=0) <= BLOCK_BYTES
    content.close()


def test_a_damaged_recording_ends_in_silence(flac: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.flac").write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    content = WavContent((tmp_path / "cut.flac").open("rb"))
    whole = b"".join(content.read(0, content.size))
    content.close()
    assert len(whole) == content.size == 44 + 2 * (SECONDS * SAMPLE_RATE + 1)
    assert whole[:1000] == wav_bytes(recording.read(flac))[:1000]
    assert not any(whole[-1000:])
