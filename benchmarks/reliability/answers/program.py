"""The recorded server, and a file server of the recorder."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGINT
from typing import Self

import httpx

from tests.support.ports import free_port
from tests.support.processes import descendants, end_now

START_TIMEOUT_S = 600.0
"""The first start downloads models."""
STOP_TIMEOUT_S = 90.0
PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "MODELS_PATH")
PASSED_PREFIXES = ("PIP_", "UV_", "HF_", "SSL_", "LD_", "CUDA_", "HTTP", "http", "NO_PROXY", "no_proxy")
"""Of the environment. Everything else could be a setting of the program."""


@contextmanager
def running(program: Path, directory: Path, port: int, settings: Mapping[str, str]) -> Iterator[None]:
    """`vivavoce serve` with its data below `directory`, from the moment it is ready; raises RuntimeError where it is not."""
    inherited = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith(PASSED_PREFIXES)}
    log = directory / "program.log"
    with log.open("a") as file:
        process = subprocess.Popen(
            [program.absolute(), "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=directory,  # where there is no .env
            env=inherited | {"DATA_PATH": str(directory / "data"), **settings},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _await_ready(process, port, log)
        yield
    finally:
        started = descendants(process.pid)
        process.send_signal(SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        finally:
            end_now([process.pid, *started])


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=30, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"The program did not start:\n{log.read_text()[-3000:]}")


class FileServer:
    """Serves recordings by name, redirects from `/moved/NAME` to `/NAME`, and records received webhooks."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        received = self.received = list[tuple[dict[str, str], bytes]]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                content = files.get(name, b"")
                status = 302 if self.path.startswith("/moved/") else 200 if name in files else 404
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"/{name}")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def wait_for_webhook(self, timeout_s: float) -> None:
        """Until one has come. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not self.received:
            if time.monotonic() > deadline:
                raise TimeoutError(f"No webhook in {timeout_s:.0f} s")
            time.sleep(0.1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
