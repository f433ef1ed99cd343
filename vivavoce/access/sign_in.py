"""Sign a browser of this user in to Ray's dashboard."""

import os
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

COOKIE = "ray-authentication-token"
"""By which Ray's dashboard knows a browser: AUTHENTICATION_TOKEN_COOKIE_NAME in Ray's authentication_constants.py."""
REQUEST_TIMEOUT_S = 5.0
LOOPBACK = "127.0.0.1"


class SignInPage:
    """A page on this machine that sets the dashboard's cookie and leads on to the dashboard; a context that serves it.

    A cookie belongs to a host with all of its ports. Other users may read the URL in the list of processes, so the page is
    given to programs of the same user only.
    """

    def __init__(self, address: str, token: str) -> None:
        self._path = f"/{secrets.token_urlsafe(32)}"
        self._fetched = threading.Event()
        page = self

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_TIMEOUT_S

            def do_GET(self) -> None:
                if not page._admits(self.path, self.client_address[1]):
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                self.send_response(HTTPStatus.SEE_OTHER)
                self.send_header("Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict")
                self.send_header("Location", address)
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                page._fetched.set()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self._server = HTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}{self._path}"

    def wait(self, timeout_s: float) -> bool:
        """Wait until a browser has fetched the page, and return whether one has."""
        return self._fetched.wait(timeout_s)

    def _admits(self, path: str, client_port: int) -> bool:
        if self._fetched.is_set() or not secrets.compare_digest(path, self._path):
            return False
        return _uid_of(client_port, self._server.server_port) == os.geteuid()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _uid_of(port: int, server_port: int) -> int | None:
    """The user of the program that has connected from `port` of the loopback address; None if the system does not say.

    A line of /proc/net/tcp: number, local address, remote address, state, queues, timer, retransmits, uid (proc(5)).
    """
    wanted = tuple(f"{bytes(map(int, reversed(LOOPBACK.split('.')))).hex().upper()}:{one:04X}" for one in (port, server_port))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            return int(fields[7])
    return None
