"""Decode uploads in processes with limited memory (`media.decoding_process`)."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from media import memory
from media.decoding import AudioError
from media.decoding_process import DAMAGED, MAX_DECODER_BYTES, Task
from pipeline.types import SAMPLE_RATE, ChannelMode, Note

ROOT = Path(__file__).parents[1]
"""Where the packages lie."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A recording that was decoded."""

    duration: float
    """Seconds."""
    channels: int
    """That are kept apart; 1 where they are mixed."""
    notes: tuple[Note, ...]


class Decoders:
    """Decodes as many uploads at a time as memory and processors allow; the others wait. Processes start when needed."""

    def __init__(self) -> None:
        fitting = memory.of_machine() // memory.SHARE // MAX_DECODER_BYTES
        self.max_processes = max(1, min(fitting, os.cpu_count() or 1))
        self._executor = ThreadPoolExecutor(self.max_processes, thread_name_prefix="decoder")
        self._idle: list[_Process] = []
        self._tasks: set[_Task] = set()

    async def decode(self, source: Path, target: Path, max_duration: float, mode: ChannelMode = "mix") -> Decoded:
        """Write the sound of `source` to `target` as `media.separation` does.

        Nothing is written any more once this returns or raises. Raises AudioError, also beyond `max_duration` seconds; OSError.
        """
        task = _Task({"source": str(source), "target": str(target), "mode": mode, "max_duration": max_duration})
        submitted = self._executor.submit(self._run, task)
        work = asyncio.wrap_future(submitted)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not submitted.cancel():
                task.cancel()
                await asyncio.wait([work])
                work.exception()
            raise

    def close(self) -> None:
        """End the processes, whatever they do."""
        for task in list(self._tasks):
            task.cancel()
        self._executor.shutdown(cancel_futures=True)
        while self._idle:
            self._idle.pop().end()

    def _run(self, task: "_Task") -> Decoded:
        process = self._idle_process() or _Process()
        self._tasks.add(task)
        try:
            answer = task.run(process)
        except BaseException:
            process.end()
            raise
        finally:
            self._tasks.discard(task)
        self._idle.append(process)
        if "samples" in answer:
            return Decoded(answer["samples"] / SAMPLE_RATE, answer["channels"], tuple(Note(**note) for note in answer["notes"]))
        if "errno" in answer:
            raise OSError(answer["errno"], answer["error"])
        raise AudioError(answer["error"])

    def _idle_process(self) -> "_Process | None":
        with suppress(IndexError):  # in one step: another thread may take the last one
            while not (process := self._idle.pop()).lives():
                pass
            return process
        return None


class _Answer(TypedDict):
    samples: NotRequired[int]
    channels: NotRequired[int]
    notes: NotRequired[list[dict[str, Any]]]
    error: NotRequired[str]
    """A sentence for the client."""
    errno: NotRequired[int]
    """Of the disk."""


class _Process:
    """A decoding process, which waits for tasks. All methods block."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        # One thread: the process forks, and a decoder needs no matrices.
        environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "media.decoding_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,  # a group of its own, which `kill` ends
        )

    def ask(self, question: Task) -> _Answer:
        """Raises AudioError if the process ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer: _Answer = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise AudioError(DAMAGED) from error
        return answer

    def lives(self) -> bool:
        """Not if it was killed since its last task, as for want of memory; what it had open is closed then."""
        if self._process.poll() is None:
            return True
        with self._process:
            return False

    def kill(self) -> None:
        """End the process and its fork, in any thread."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        with self._process:
            pass


class _Task:
    def __init__(self, question: Task) -> None:
        self._question = question
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._cancelled = False

    def run(self, process: _Process) -> _Answer:
        """Raises AudioError if it is cancelled."""
        with self._lock:
            if self._cancelled:
                raise AudioError("It was cancelled.")
            self._process = process
        try:
            return process.ask(self._question)
        finally:
            with self._lock:
                self._process = None

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                self._process.kill()
