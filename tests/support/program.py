"""The installed program as a subprocess, and its processes that remain when it has ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import psutil

from settings import Settings

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
BIN = Path(sys.executable).parent
COMMAND_TIMEOUT_S = 600
"""Downloading models takes longest."""
MARK = "VIVAVOCE_TEST"
"""An environment variable that every descendant inherits, but for PostgreSQL."""
KEPT = ("models_path", "hf_token", "offline_mode", "cpu_threads")


def environment(**extra: str) -> dict[str, str]:
    """The environment of this process, without settings of the program."""
    theirs = {name.upper() for name in Settings.model_fields if name not in KEPT} | {"DATA_PATH", "VOLUMES_PATH", "RAY_ADDRESS"}
    return {name: value for name, value in os.environ.items() if name not in theirs} | extra


def vivavoce(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a directory that is no project."""
    command = [BIN / "vivavoce", *arguments]
    return subprocess.run(
        command, cwd="/", env=environment(**env), capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
    )


class Program:
    """A program of the virtual environment that runs until it is stopped; a context that ends all its processes."""

    def __init__(self, command: Sequence[str | Path], directory: Path, **env: str) -> None:
        self.directory = directory
        self._mark = uuid4().hex
        self._out, self._err = directory / f"{self._mark}.out", directory / f"{self._mark}.err"
        name, *arguments = command
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [BIN / name, *arguments],
                cwd=directory,
                env=environment(**env, **{MARK: self._mark}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C in the terminal of the tests is the tests' affair
            )

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def wait_for(self, text: str, timeout: float = 180) -> None:
        """Until `text` was printed, on either stream."""
        deadline = time.monotonic() + timeout
        while text not in self.stdout + self.stderr:
            assert self.process.poll() is None, f"It ended with {self.process.returncode}: {self.stderr[-2000:]}"
            assert time.monotonic() < deadline, f"No {text!r} after {timeout:.0f} s: {self.stderr[-2000:]}"
            time.sleep(0.1)

    def stop(self, signum: signal.Signals = signal.SIGINT, timeout: float = 60) -> int:
        """Send the signal, to the program alone; returns its exit status."""
        self.process.send_signal(signum)
        return self.process.wait(timeout)

    def left(self, patience: float = 15) -> list[str]:
        """Command lines of its descendants that still run after a while, PostgreSQL on `directory` included."""
        deadline = time.monotonic() + patience
        while (found := self._descendants()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return [line for _, line in found]

    def _descendants(self) -> list[tuple[psutil.Process, str]]:
        found = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if process.environ().get(MARK) == self._mark or f"-D {self.directory}/" in line:
                    found.append((process, line))
            except psutil.Error:
                continue
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process, _ in self._descendants():  # a test failed, or will now
            process.kill()
