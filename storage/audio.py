"""Where recordings are kept: a local directory, or anything else that fsspec knows, under names of our own making."""

import asyncio
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from media import free_space
from pipeline.concurrency import run_to_end
from storage import private_files
from storage.audio_errors import AudioStoreError, explained

logger = logging.getLogger("ray.serve")

P = ParamSpec("P")
T = TypeVar("T")

KEY = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,8}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
DERIVED = (".mp3", ".opus", ".peaks")
"""Kinds of files that are made of recordings. No recording is stored as one of them."""
DRAFTS = ".*.part"
READ_BYTES = 2**20
"""What is fetched at a time of a file elsewhere. s3fs would fetch 50 MB for a player that requests a few seconds."""
MAX_DRAFT_AGE_S = 24 * 3600.0
"""Age of a file that was not written to its end from which no process is still writing it."""


@dataclass(frozen=True, slots=True)
class AudioLocation:
    """A part of a recording in the store. `start` and `end` are seconds."""

    audio_key: str
    start: float
    end: float
    channel: int | None = None
    """From 0; None for all channels, mixed."""


class AudioStore:
    """Files by key. A client's file name never becomes part of one.

    `url` is a directory or an fsspec URL such as `s3://bucket/prefix`. Raises ValueError where it cannot be used.
    Methods of a store elsewhere raise AudioStoreError where it refuses or does not answer.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise ValueError(
                f"AUDIO_URL needs a package that is not installed: {error}. `pip install 'vivavoce[cluster]'` brings that for s3://."
            ) from error
        except ValueError as error:
            raise ValueError(f"AUDIO_URL is not a place to keep files: {error}.") from error
        self._root = root.rstrip("/")
        self._local = isinstance(self._files, LocalFileSystem)

    def close_to_others(self) -> None:
        """Withdraw the permissions of other users from a directory of earlier recordings. Blocks."""
        if self._local:
            private_files.close(Path(self._root))

    async def require_space(self, size_bytes: int) -> None:
        """Raise DiskFullError if a file of this size would leave too little free; a store elsewhere is not checked."""
        if self._local:
            await asyncio.to_thread(free_space.require, Path(self._root), size_bytes)

    async def put(self, path: Path, suffix: str) -> str:
        """Keep a copy of the file and return its key. It is there whole or not at all; `path` remains the caller's.
        If the caller is cancelled, the copy is deleted once it is written, and the cancellation raised then.

        `suffix` is the kind of file, such as `.wav`. Raises ValueError where it is anything but a few letters and digits.
        """
        if not SUFFIX.fullmatch(suffix.lower()):
            raise ValueError("The file's extension must be a dot and one to eight letters or digits, such as .wav.")
        key = uuid4().hex + suffix.lower()
        await self._put(path, key)
        return key

    def derived(self, key: str, suffix: str) -> str:
        """The key of another form of the recording, one of `DERIVED`."""
        return key.partition(".")[0] + suffix

    async def put_derived(self, path: Path, key: str, suffix: str) -> None:
        """Keep another form of the recording `key`, until that is deleted."""
        await self._put(path, self.derived(key, suffix))

    async def _put(self, path: Path, key: str) -> None:
        try:
            await run_to_end(self._copy(path, key))
        except asyncio.CancelledError:  # the thread that copies cannot be interrupted, and no one would know the key
            await run_to_end(self._withdraw(key))
            raise

    async def _withdraw(self, key: str) -> None:
        try:
            await self._remove(key)
        except (AudioStoreError, OSError) as error:
            logger.warning("The file %s, which is not needed, stays in the audio store: %s", key, error)

    async def _copy(self, path: Path, key: str) -> None:
        if self._local:
            await asyncio.to_thread(_keep, path, Path(self._path(key)))
        else:
            try:
                await self._call(self._files.put_file, str(path), self._path(key))
            except FileNotFoundError as error:
                raise (explained(error) if await asyncio.to_thread(path.exists) else error) from error

    async def exists(self, key: str) -> bool:
        return bool(await self._call(self._files.exists, self._path(key)))

    async def open(self, key: str) -> BinaryIO:
        """The file for reading at any place; of a store elsewhere only what is read is fetched. Raises FileNotFoundError."""
        file: BinaryIO = await self._call(self._files.open, self._path(key), "rb", block_size=READ_BYTES)
        return file

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """The file on this machine, to be read only; fetched for as long as the block lasts where the store is elsewhere.

        Raises FileNotFoundError, ValueError where `key` is none that `put` returned.
        """
        stored = self._path(key)
        if not await self._call(self._files.exists, stored):
            raise FileNotFoundError(f"The recording {key} is no longer in the audio store.")
        if self._local:
            yield Path(stored)
            return
        directory = Path(await asyncio.to_thread(tempfile.mkdtemp))
        try:
            await self._call(self._files.get_file, stored, str(directory / key))
            yield directory / key
        finally:
            await asyncio.to_thread(shutil.rmtree, directory)

    async def delete(self, key: str) -> None:
        """Forget the file and its derived forms; nothing happens where they are gone already."""
        for one in (key, *(self.derived(key, suffix) for suffix in DERIVED)):  # the recording first: `services.encodings`
            await self._remove(one)

    async def _remove(self, key: str) -> None:
        with suppress(FileNotFoundError):
            await self._call(self._files.rm_file, self._path(key))

    async def remove_drafts(self) -> None:
        """Delete what processes that were killed in `put` have left in a local directory."""
        if self._local:
            await asyncio.to_thread(_remove_drafts, Path(self._root))

    async def _call(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call `function` of the file system in a thread. Raises FileNotFoundError, AudioStoreError, OSError of a directory."""
        try:
            return await asyncio.to_thread(function, *args, **options)
        except Exception as error:
            if self._local or isinstance(error, FileNotFoundError):
                raise
            raise explained(error) from error

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise ValueError("This is not the key of a recording.")
        return f"{self._root}/{key}"


def _keep(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    try:
        with source.open("rb") as read, private_files.create(draft) as write:
            shutil.copyfileobj(read, write, 2**20)
            write.flush()
            os.fsync(write.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _remove_drafts(directory: Path) -> None:
    for path in directory.glob(DRAFTS):
        with suppress(FileNotFoundError):  # another process has removed it
            if time.time() - path.stat().st_mtime > MAX_DRAFT_AGE_S:
                path.unlink()
