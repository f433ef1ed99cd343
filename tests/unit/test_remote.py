"""Requests of commands to the application, answered by a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.ports import free_port
from vivavoce import remote, sample
from vivavoce.remote import RemoteError

KEY = {"Authorization": "Bearer vv_local"}
TIMEOUT_S = 60.0


class Server(ThreadingHTTPServer):
    """Keeps the requests, and gives one answer to each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.answer: tuple[int, Any] = (200, {"total": 0})
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        status, answer = self.server.answer
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The proxy of the environment."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, server.address)
    return server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_go_through_no_proxy(proxy: Server, host: str) -> None:
    address = f"http://{host}:{free_port()}"
    with pytest.raises(RemoteError, match="nothing answers"):
        remote.get(address, KEY, "/search", {"q": "x"}, TIMEOUT_S)
    with pytest.raises(Exception, match="refused"):
        sample.show(address, KEY, threading.Event())
    assert proxy.requests == []


def test_requests_to_other_machines_go_through_the_proxy(proxy: Server) -> None:
    assert remote.get("http://vivavoce.example", {}, "/conversations", {"limit": 1}, TIMEOUT_S) == {"total": 0}
    assert proxy.requests == ["GET http://vivavoce.example/api/v1/conversations?limit=1"]
