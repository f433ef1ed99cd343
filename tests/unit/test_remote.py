"""Requests of commands to the application, answered by a real HTTP server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from tests.support.ports import free_port
from vivavoce import remote, sample, server
from vivavoce.remote import RemoteError

KEY = {"Authorization": "Bearer vv_local"}
TIMEOUT_S = 60.0


class Server(ThreadingHTTPServer):
    """Keeps the requests, and gives one answer to each GET, another to each POST."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.answer = (200, b'{"total": 0}')
        self.refusal = (507, b'{"detail": "The disk is full: free some of it."}')
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(*self.server.refusal)

    def do_GET(self) -> None:
        self._reply(*self.server.answer)

    def _reply(self, status: int, answer: bytes) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def application() -> Iterator[Server]:
    with Server() as application:
        thread = threading.Thread(target=application.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield application
        application.shutdown()
        thread.join()


@pytest.fixture
def proxy(application: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The proxy of the environment."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, application.address)
    return application


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_go_through_no_proxy(proxy: Server, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"http://{host}:{free_port()}"
    with pytest.raises(RemoteError, match="nothing answers"):
        remote.get(address, KEY, "/search", {"q": "x"}, TIMEOUT_S)
    sample.show(address, KEY, threading.Event())
    assert "Connection refused" in capsys.readouterr().err
    assert proxy.requests == []


def test_requests_to_other_machines_go_through_the_proxy(proxy: Server) -> None:
    assert remote.get("http://vivavoce.example", {}, "/conversations", {"limit": 1}, TIMEOUT_S) == {"total": 0}
    assert proxy.requests == ["GET http://vivavoce.example/api/v1/conversations?limit=1"]


def test_an_answer_that_is_no_json_object_is_not_of_vivavoce(application: Server) -> None:
    for answer in ((200, b"<html>"), (200, b"[]"), (502, b"[]"), (502, b"{}")):
        application.answer = answer
        with pytest.raises(RemoteError, match=rf"answered {answer[0]}, as no Vivavoce does: say where it is with --url"):
            remote.get(application.address, {}, "/conversations", {}, TIMEOUT_S)


def test_a_sample_that_is_refused_does_not_end_the_application(
    application: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(port=application.server_address[1], data_path=tmp_path)
    assert server.show_address(settings, None, threading.Event(), sample=True) == application.address
    assert application.requests == ["GET /api/v1/conversations?limit=1", "POST /api/v1/process?wait=false"]
    *_, why, ready = capsys.readouterr().err.splitlines()
    assert why == (
        "The sample conversation was not processed: The disk is full: free some of it. "
        "Send a recording of your own, or start again with --sample."
    )
    assert ready.startswith(f"vivavoce is ready: {application.address} ")
