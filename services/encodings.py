"""Recordings as MP3, Opus and peaks: made at the first request, and kept beside the recording until that is deleted.

So each recording has at most three other forms, which take less than its FLAC: 29 MB, 11 MB and 0.2 MB for an hour.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from contextvars import Context
from pathlib import Path
from typing import Protocol

from media import encoding, free_space, recording
from storage.audio import AudioStore

WAIT_S = 60.0
"""How long a request waits. An hour takes 20 s as MP3 and 15 s as Opus on one core."""
MAX_CONCURRENT = 1
"""Encoders on a replica: each takes a core from the models."""


class StillEncodingError(Exception):
    """The encoded form is not ready; the message says what to do."""

    def __init__(self) -> None:
        super().__init__("The recording is being encoded, which takes a while: try again in a minute, or get it as WAV.")


class Form(Protocol):
    """Another form of a recording."""

    @property
    def suffix(self) -> str: ...

    def size(self, seconds: float) -> int:
        """About the bytes of a file."""

    async def write(self, source: Path, target: Path) -> None: ...


class Encodings:
    def __init__(self, store: AudioStore) -> None:
        self._store = store
        self._places = asyncio.Semaphore(MAX_CONCURRENT)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def get(self, key: str, form: Form) -> str:
        """The key of the encoded form of a stored recording. The work goes on where the client does not wait for it.

        Raises FileNotFoundError, StillEncodingError, DiskFullError.
        """
        derived = self._store.derived(key, form.suffix)
        if await self._store.exists(derived):
            return derived
        if (task := self._tasks.get(derived)) is None:
            # In a context of its own: it may outlive the request.
            task = asyncio.create_task(self._encode(key, form), context=Context())
            self._tasks[derived] = task
            task.add_done_callback(lambda done: self._ended(derived, done))
        done, _ = await asyncio.wait((task,), timeout=WAIT_S)
        if not done:
            raise StillEncodingError
        await task
        return derived

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, derived: str, task: asyncio.Task[None]) -> None:
        del self._tasks[derived]
        if not task.cancelled():
            task.exception()  # who still waits gets it

    async def _encode(self, key: str, form: Form) -> None:
        async with self._places, self._store.local_path(key) as path:
            with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
                seconds = await asyncio.to_thread(recording.duration, path)
                await asyncio.to_thread(free_space.require, Path(directory), form.size(seconds))
                target = Path(directory, "encoded").with_suffix(form.suffix)
                await form.write(path, target)
                await self._store.require_space(form.size(seconds))
                await self._store.put_derived(target, key, form.suffix)
        if not await self._store.exists(key):  # deleted meanwhile
            await self._store.delete(key)


FORMATS: Mapping[str, encoding.Codec] = {"mp3": encoding.MP3, "opus": encoding.OPUS}
"""By the name that a client gives."""
