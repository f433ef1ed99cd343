"""The installed program as a subprocess, and its processes that remain when it has ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx
import psutil

from deployments.ray_environment import usual_directory
from settings import Settings
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
BIN = Path(sys.executable).parent
COMMAND_TIMEOUT_S = 600
"""Downloading models takes longest."""
MARK = "VIVAVOCE_TEST"
"""An environment variable that every descendant inherits. PostgreSQL has none, and Ray's agents may write their titles over
theirs: `Program` also looks for its directory and its sessions."""
KEPT = ("models_path", "hf_token", "offline_mode", "cpu_threads", "data_path")
"""Settings of the environment that programs under test get, too. `data_path` is the directory that the fixture makes."""
START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 300.0
"""Both are far longer than either takes, so that a busy machine fails no test."""
RAY_TIMED_OUT = "The current node timed out during startup"
MAX_RAY_STARTS = 5

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell script lets what it starts with `&` ignore Ctrl-C, and so would programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def environment(**extra: str) -> dict[str, str]:
    """The environment of this process, without settings of the program."""
    theirs = {name.upper() for name in Settings.model_fields if name not in KEPT} | {"VOLUMES_PATH", "RAY_ADDRESS"}
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
        self._command = [BIN / name, *arguments]
        self._environment = environment(**env, **{MARK: self._mark})
        self._attempts = 0
        self._sessions: set[int] = set()
        self.start()

    def start(self) -> None:
        """Start it, again where it has ended; its output is appended."""
        self._printed = len(self.stderr) if self._err.exists() else 0
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C in the terminal of the tests is for pytest alone
            )
        self._sessions.add(self.process.pid)

    @property
    def stdout(self) -> str:
        return self._out.read_text(errors="replace")  # a character may be written in part

    @property
    def stderr(self) -> str:
        return self._err.read_text(errors="replace")

    def wait_for(self, text: str, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until `text` was printed on either stream."""
        deadline = time.monotonic() + timeout
        while text not in self.stdout + self.stderr:
            self._check_running()
            assert time.monotonic() < deadline, f"No {text!r} after {timeout:.0f} s: {self.stderr[-2000:]}"
            time.sleep(0.1)

    def wait(self, timeout: float = START_TIMEOUT_S) -> int:
        """Wait until it ends by itself; returns its exit status."""
        deadline = time.monotonic() + timeout
        while (status := self.process.wait(max(0.0, deadline - time.monotonic()))) and self._restart_ray():
            pass
        return status

    def _check_running(self) -> None:
        running = self.process.poll() is None or self._restart_ray()
        assert running, f"It ended with {self.process.returncode}: {self.stderr[-2000:]}"

    def _restart_ray(self) -> bool:
        """Start the program again if Ray gave up starting, as it does after 30 s on a busy machine."""
        if self._attempts == MAX_RAY_STARTS or RAY_TIMED_OUT not in self.stderr[self._printed :]:
            return False
        self._attempts += 1
        self.start()
        return True

    def wait_until_ready(self, address: str, timeout: float = START_TIMEOUT_S) -> None:
        """Wait until the application at `address` serves requests."""
        deadline = time.monotonic() + timeout
        while True:
            self._check_running()
            assert time.monotonic() < deadline, f"Not ready after {timeout:.0f} s: {self.stderr[-2000:]}"
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/health/ready", timeout=30).status_code == 200:
                    return
            time.sleep(0.2)

    def stop(self, signum: signal.Signals = signal.SIGINT, timeout: float = STOP_TIMEOUT_S) -> int:
        """Send the signal to the program alone; returns its exit status."""
        self.process.send_signal(signum)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"Not ended {timeout:.0f} s after {signum.name}: {self.stderr[-2000:]}") from error

    def left(self, timeout: float = STOP_TIMEOUT_S) -> list[str]:
        """Command lines of its descendants that still run after a while, PostgreSQL on `directory` included."""
        deadline = time.monotonic() + timeout
        while (found := self._descendants()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return [line for _, line in found]

    def _descendants(self) -> list[tuple[psutil.Process, str]]:
        found = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                in_session = os.getsid(process.pid) in self._sessions
                if in_session or process.environ().get(MARK) == self._mark or f"-D {self.directory}/" in line:
                    found.append((process, line))
            except (psutil.Error, ProcessLookupError):
                continue
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process, _ in self._descendants():  # of a test that failed
            with suppress(psutil.NoSuchProcess):  # it may just have ended
                process.kill()
        for option, data in pairwise(self._command):
            if option == "--data-dir" and Path(data).is_relative_to(self.directory):  # not of a program that still runs
                shutil.rmtree(usual_directory(Path(data)), ignore_errors=True)  # Ray's logs


class ServedApplication(Program):
    """`vivavoce serve` on a free port."""

    def __init__(self, directory: Path, *options: str, **env: str) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.data = directory / "data"
        command: list[str | Path] = ["vivavoce", "serve", *options, "--port", str(port), "--data-dir", self.data]
        super().__init__(command, directory, **env)
