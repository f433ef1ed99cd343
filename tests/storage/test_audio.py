"""The audio store, in a directory and elsewhere (fsspec's memory stands for object storage)."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import audio
from storage.audio import DERIVED, KEY, MAX_DRAFT_AGE_S, AudioStore


@pytest.fixture(params=["directory", "memory://recordings/live"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AudioStore:
    return AudioStore(str(tmp_path / "audio") if request.param == "directory" else request.param)


CONTENT = b"RIFF" * 1000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "my talk.wav"
    path.write_bytes(CONTENT)
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


async def test_what_is_put_can_be_read_until_it_is_deleted(store: AudioStore, recording: Path) -> None:
    key = await store.put(recording, ".WAV")
    assert KEY.fullmatch(key)
    assert key.endswith(".wav")
    assert content(recording) == CONTENT
    async with store.local_path(key) as path:
        assert content(path) == CONTENT
        assert path.suffix == ".wav"
    await store.delete(key)
    await store.delete(key)
    with pytest.raises(FileNotFoundError, match="no longer in the audio store"):
        async with store.local_path(key):
            pass


async def test_two_files_never_share_a_key(store: AudioStore, recording: Path) -> None:
    assert await store.put(recording, ".wav") != await store.put(recording, ".wav")


async def test_a_copy_from_elsewhere_is_gone_after_use(recording: Path) -> None:
    store = AudioStore("memory://recordings")
    key = await store.put(recording, ".wav")
    async with store.local_path(key) as path:
        assert path.exists()
    assert not path.parent.exists()


@pytest.mark.parametrize("suffix", ["", "wav", ".", ".w/v", ".wav/../../x", ".longerthan8", ".wäv", ".wav\n"])
async def test_a_suspicious_suffix_is_refused(store: AudioStore, recording: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match="extension"):
        await store.put(recording, suffix)


@pytest.mark.parametrize(
    "key", ["", "../secret.wav", "/etc/passwd", f"{'0' * 32}.wav/..", f"{'0' * 32}.wav\n", f"{'A' * 32}.wav"]
)
async def test_a_key_that_is_not_ours_is_refused(store: AudioStore, key: str) -> None:
    with pytest.raises(ValueError, match="not the key"):
        await store.delete(key)
    with pytest.raises(ValueError, match="not the key"):
        async with store.local_path(key):
            pass


async def test_a_failed_copy_leaves_nothing_behind(tmp_path: Path) -> None:
    store = AudioStore(str(tmp_path / "audio"))
    with pytest.raises(FileNotFoundError):
        await store.put(tmp_path / "missing.wav", ".wav")
    assert list((tmp_path / "audio").iterdir()) == []


class Held:
    """A function that waits in its thread, before it does anything, until the test opens the gate."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.begun, self.gate, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, *args: Any, **options: Any) -> None:
        self.begun.set()
        try:
            self.gate.wait()
            self._function(*args, **options)
        finally:
            self.ended.set()


@pytest.fixture
def copying(store: AudioStore, monkeypatch: pytest.MonkeyPatch) -> Held:
    """What copies files into the store."""
    if store._local:
        held = Held(audio._keep)
        monkeypatch.setattr(audio, "_keep", held)
    else:
        held = Held(store._files.put_file)
        monkeypatch.setattr(store._files, "put_file", held)
    return held


async def test_a_copy_that_is_cancelled_is_not_kept(store: AudioStore, recording: Path, copying: Held) -> None:
    """The thread that copies goes on: no row would name the file, and no erasure reach it."""
    before = await asyncio.to_thread(store._files.find, store._root)
    putting = asyncio.create_task(store.put(recording, ".flac"))
    await asyncio.to_thread(copying.begun.wait)
    putting.cancel()
    await asyncio.wait([putting], timeout=0)
    putting.cancel()  # a second time, as a server that stops may do
    copying.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await putting
    await asyncio.to_thread(copying.ended.wait)
    assert await asyncio.to_thread(store._files.find, store._root) == before


async def test_a_copy_that_fails_after_it_was_cancelled_is_cancelled(store: AudioStore, tmp_path: Path, copying: Held) -> None:
    putting = asyncio.create_task(store.put(tmp_path / "missing.wav", ".wav"))
    await asyncio.to_thread(copying.begun.wait)
    putting.cancel()
    copying.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await putting


@pytest.mark.parametrize("url", ["nonsense://bucket", "sftp://host/path"])
def test_a_store_that_cannot_be_used_says_so(url: str) -> None:
    with pytest.raises(ValueError, match="AUDIO_URL"):
        AudioStore(url)


async def test_half_written_files_are_removed_after_a_day(tmp_path: Path) -> None:
    store = AudioStore(str(tmp_path))
    old, new, whole = tmp_path / ".a.flac.part", tmp_path / ".b.flac.part", tmp_path / f"{'0' * 32}.flac"
    for path in (old, new, whole):
        path.write_bytes(CONTENT)
    yesterday = time.time() - MAX_DRAFT_AGE_S - 60
    for path in (old, whole):
        os.utime(path, (yesterday, yesterday))
    await store.remove_drafts()
    assert (old.exists(), new.exists(), whole.exists()) == (False, True, True)


async def test_derived_forms_are_deleted_with_the_recording(store: AudioStore, recording: Path) -> None:
    key = await store.put(recording, ".flac")
    for suffix in DERIVED:
        assert not await store.exists(store.derived(key, suffix))
        await store.put_derived(recording, key, suffix)
        with await store.open(store.derived(key, suffix)) as file:
            file.seek(-4, os.SEEK_END)
            assert file.read() == CONTENT[-4:]
    await store.delete(key)
    for suffix in DERIVED:
        assert not await store.exists(store.derived(key, suffix))
        with pytest.raises(FileNotFoundError):
            await store.open(store.derived(key, suffix))
