"""The application as a user starts it, with its memory watched."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from deployments.ray_environment import usual_directory
from tests.support.ports import free_port
from tests.support.processes import descendants


class Background:
    """Work on threads of its own, from the start of the block to its end; it looks at `stop` again and again."""

    def __init__(self, *work: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=one) for one in work]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()


class Application:
    """A running `vivavoce serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str, data: Path) -> None:
        self.process = process
        self.data = data
        self.client = httpx.Client(base_url=f"{address}/api/v1", timeout=None)
        self.streams = f"{address.replace('http', 'ws', 1)}/api/v1/streaming/ws"

    def process_file(self, path: Path, **form: Any) -> tuple[dict[str, Any], float]:
        """The conversation, and the seconds that `POST /process` took."""
        with path.open("rb") as file:
            start = time.perf_counter()
            response = self.client.post("/process", files={"audio_file": (path.name, file)}, data=form)
            seconds = time.perf_counter() - start
        found: dict[str, Any] = response.raise_for_status().json()
        return found, seconds

    def memory(self) -> int:
        """Bytes that all processes of the application hold, pages that they share counted once (proportional set size)."""
        total = 0
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:  # it has ended
                continue
            found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
        return total

    def peak_memory(self, path: Path, every: float = 0.5) -> int:
        """The most that `memory` was while a file was processed, seen every so many seconds. Looking costs time."""
        peak = self.memory()
        with ThreadPoolExecutor(1) as thread:
            work = thread.submit(self.process_file, path)
            while not work.done():
                peak = max(peak, self.memory())
                time.sleep(every)
            work.result()
        return peak


@contextmanager
def open_directory() -> Iterator[Path]:
    """An empty directory that PostgreSQL, which does not run as root, can reach; it is removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="vivavoce-benchmark-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def running(*options: str) -> Iterator[Application]:
    """An application with an empty archive, on a free port; nothing of it is left at the end."""
    port = free_port()
    program = Path(sys.executable).with_name("vivavoce")
    with open_directory() as data:
        process = subprocess.Popen(
            [program, "serve", "--port", str(port), "--data-dir", data, *options], stderr=subprocess.PIPE, text=True
        )
        try:
            _await_ready(process)
            application = Application(process, f"http://127.0.0.1:{port}", data)
            with application.client:
                yield application
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            shutil.rmtree(usual_directory(data), ignore_errors=True)  # Ray's logs


def _await_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "is ready" in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()  # or it would block on a full pipe
            return
    raise RuntimeError("The application did not start:\n" + "".join(said))
