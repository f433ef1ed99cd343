"""Uploads are decoded in processes with limited memory and time."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from media import recording
from media.decoders import Decoders
from media.decoding import AudioError, decode
from pipeline.types import SAMPLE_RATE
from tests.support import bombs
from tests.support.program import ROOT

MOST_S = 12 * 3600


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    opened = Decoders()
    yield opened
    opened.close()


def file(directory: Path, content: bytes) -> Path:
    path = directory / "upload"
    path.write_bytes(content)
    return path


async def test_the_stored_recording_is_that_of_decoding_in_memory(decoders: Decoders, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 61 * 44_100).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, 44_100)
    assert await seconds(decoders, tmp_path / "a.wav", tmp_path / "a.flac") == pytest.approx(61, abs=0.01)
    recording.write(tmp_path / "b.flac", decode(tmp_path / "a.wav", max_duration=MOST_S))
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


PEAKS = """
import asyncio, resource, sys
from pathlib import Path
from media.decoders import Decoders
from media.decoding import decode
source, long = Path(sys.argv[1]), 12 * 3600
def peak():  # kB; `ru_maxrss` would be that of pytest, of which this process is a fork
    return Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
decoders = Decoders()
print(asyncio.run(decoders.decode(source, Path(sys.argv[2]), long)).duration)
decoders.close()
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(peak())
print(len(decode(source, max_duration=long)))
print(peak())
"""


def test_hours_of_silence_take_no_memory(tmp_path: Path) -> None:
    """A file of 9 kB holds 50 minutes, which are 192 MB. Compared with decoding in memory, in the same process."""
    source = file(tmp_path, bombs.silence(3000))
    assert source.stat().st_size < 20_000
    command = [sys.executable, "-c", PEAKS, str(source), str(tmp_path / "kept.flac")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    seconds, child, parent, samples, plain = (float(line) for line in answer.stdout.split())
    assert (seconds, samples) == (3000, 3000 * SAMPLE_RATE)
    assert plain - parent > 150_000  # kB
    assert child < 100_000
    assert parent < 100_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (bombs.compressed_movie_header(600 << 20), "needs too much memory"),
        (bombs.movie_fragment(150_000_000), "needs too much memory"),
        (bombs.wav(1, 1, bytes(1 << 16)), "sample rate of 1 Hz"),
        (bombs.wav(768_001, 1, bytes(1 << 16)), "sample rate of 768001 Hz"),
        (bombs.wav(16_000, 3_000, bytes(1 << 18)), "no audio track"),
        (bombs.silence(60), "longer than the 50 seconds allowed"),
        (b"", "is empty"),
    ],
    ids=["compressed header", "fragment", "slow", "fast", "many channels", "long", "empty"],
)
async def test_bombs_are_refused(decoders: Decoders, tmp_path: Path, content: bytes, sentence: str) -> None:
    assert len(content) < 1 << 20
    with pytest.raises(AudioError, match=sentence):
        await decoders.decode(file(tmp_path, content), tmp_path / "kept.flac", 50)
    assert await seconds(decoders, file(tmp_path, bombs.silence(4)), tmp_path / "kept.flac") == 4  # it goes on


@pytest.mark.parametrize("declared", [2, 1 << 20, 0x7FFF_FFFE, 0xFFFF_FFFF])
async def test_a_header_that_lies_about_its_size_is_not_believed(decoders: Decoders, tmp_path: Path, declared: int) -> None:
    content = bombs.wav(SAMPLE_RATE, 1, bytes(2 * SAMPLE_RATE), declared)
    assert await seconds(decoders, file(tmp_path, content), tmp_path / "kept.flac") <= 1


async def test_absurd_positions_of_ogg_pages_give_no_sound(decoders: Decoders, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", np.zeros(SAMPLE_RATE), SAMPLE_RATE, format="OGG", subtype="VORBIS")
    content = bytearray((tmp_path / "a.ogg").read_bytes())
    at = content.rindex(b"OggS")
    content[at + 6 : at + 14] = (2**62).to_bytes(8, "little")
    assert await seconds(decoders, file(tmp_path, bombs.with_page_checksum(content, at)), tmp_path / "kept.flac") < 2


async def test_a_decoder_that_is_killed_refuses_its_recording_alone(decoders: Decoders, tmp_path: Path) -> None:
    source = file(tmp_path, bombs.silence(4 * 3600))
    work = asyncio.create_task(decoders.decode(source, tmp_path / "kept.flac", MOST_S))
    fork = await running_fork()
    os.kill(fork, signal.SIGKILL)
    with pytest.raises(AudioError, match="its decoder fails"):
        await work
    assert await seconds(decoders, file(tmp_path, bombs.silence(4)), tmp_path / "kept.flac") == 4


async def test_a_decoder_that_is_killed_while_idle_is_replaced(decoders: Decoders, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000, np.float32), 16_000)
    assert await seconds(decoders, tmp_path / "a.wav", tmp_path / "a.flac") == 1
    [process] = [child for child in psutil.Process().children() if "media.decoding_process" in child.cmdline()]
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110  # it sends no event
        await asyncio.sleep(0.01)
    assert await seconds(decoders, tmp_path / "a.wav", tmp_path / "b.flac") == 1


async def test_nothing_goes_on_after_a_cancellation(decoders: Decoders, tmp_path: Path) -> None:
    source = file(tmp_path, bombs.silence(4 * 3600))
    works = [asyncio.create_task(decoders.decode(source, tmp_path / f"{n}.flac", MOST_S)) for n in range(20)]
    await running_fork()
    assert len(forks()) <= decoders.max_processes
    for work in works:
        work.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*works, return_exceptions=True))
    assert forks() == []


class JustTaken(list[Any]):
    """Another thread takes the last one right after the first look."""

    looks = 0

    def __bool__(self) -> bool:
        self.looks += 1
        return self.looks == 1 or len(self) > 0


async def test_the_last_idle_process_may_be_taken_by_another_thread(
    decoders: Decoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "_idle", JustTaken())
    assert await seconds(decoders, file(tmp_path, bombs.silence(4)), tmp_path / "kept.flac") == 4
    decoders.close()


async def seconds(decoders: Decoders, source: Path, target: Path) -> float:
    return (await decoders.decode(source, target, MOST_S)).duration


def forks() -> list[int]:
    """The processes that decode at present."""
    found: list[int] = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "media.decoding_process" in child.cmdline():
                found += [fork.pid for fork in child.children()]
    return found


async def running_fork() -> int:
    async with asyncio.timeout(600):
        while not (found := forks()):  # noqa: ASYNC110  # a fork has no event to wait for
            await asyncio.sleep(0.05)
    return found[0]
