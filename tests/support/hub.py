"""A server on this machine with the addresses of the Hugging Face hub from which models are downloaded."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves repositories, `owner/name` and the files of each; those of `pyannote` are gated, others do not exist."""

    daemon_threads = True

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = repositories
        self.tokens: set[str | None] = set()
        self.sent: list[str] = []
        self.ranges: list[str] = []
        """Ranges that were requested."""
        self.revisions: set[str] = set()
        """Revisions in the paths of requests."""
        self.breaks_after: dict[str, list[int]] = {}
        """Bytes after which each of the first transfers of a file ends."""
        self.damaged: set[str] = set()
        """Files of which other bytes are sent than the ones that are announced."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        if self.path == "/":
            return self._send(200, b"", {})
        found = re.match(r"/(?:api/models/)?([\w.-]+/[\w.-]+)", self.path)
        files = self.server.repositories.get(found[1]) if found else None
        if found is None or files is None:
            gated = found is not None and found[1].startswith("pyannote/")
            return self._send(403 if gated else 404, b"", {"X-Error-Code": "GatedRepo" if gated else "RepoNotFound"})
        if revision := re.search(r"/(?:revision|resolve|tree)/(\w+)", self.path):
            self.server.revisions.add(revision[1])
        name = self.path.partition("?")[0].rpartition("/")[2]
        if "/resolve/" in self.path and name in files:
            return self._send_file(name, files[name])
        rows: object = [{"type": "file", "path": path, "size": len(data), "oid": path} for path, data in files.items()]
        if "/tree/" not in self.path:
            rows = {"id": found[1], "sha": COMMIT, "siblings": [_sibling(path, data) for path, data in files.items()]}
        return self._send(200, json.dumps(rows).encode(), {"Content-Type": "application/json", "X-Repo-Commit": COMMIT})

    def _send_file(self, name: str, data: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if self.command == "GET":
            self.server.sent.append(name)
        if name in self.server.damaged:
            data = bytes([data[0] ^ 1]) + data[1:]
        breaks = self.server.breaks_after.get(name, []) if self.command == "GET" else []
        stop = breaks.pop(0) if breaks else None
        if not (wanted := self.headers["Range"]):
            return self._send(200, data, headers, stop)
        self.server.ranges.append(wanted)
        start, end = (int(place) for place in wanted.removeprefix("bytes=").split("-"))
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        return self._send(206, data[start : end + 1], headers, stop)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], stop: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:stop])

    def log_message(self, *_: object) -> None:
        pass


def _sibling(path: str, data: bytes) -> dict[str, object]:
    """The hub keeps binary files in Git LFS, and gives a hash for these alone."""
    lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return {"rfilename": path, "size": len(data), "blobId": "0" * 40} | ({"lfs": lfs} if path.endswith(".bin") else {})


@contextmanager
def serving(repositories: Mapping[str, Mapping[str, bytes]]) -> Iterator[Hub]:
    server = Hub(repositories)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
