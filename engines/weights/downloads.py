"""HTTP downloads with a size limit, continued after an interruption."""

import io
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

Advance = Callable[[int], object]
"""Called with the number of bytes received since the last call."""

ATTEMPTS = 5
"""Broken connections in a row without a received byte before the download fails."""


class DownloadError(Exception):
    """A download failed for good; the message says why."""


class NoRangesError(DownloadError):
    """The server does not support range requests."""


def new_client() -> httpx.Client:
    """A client that uses the certificates configured for pip and requests, and times out within seconds."""
    bundle = next(filter(None, map(os.environ.get, ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"))), None)
    try:
        verify = ssl.create_default_context(cafile=bundle) if bundle else httpx.create_ssl_context()
    except OSError as error:
        raise DownloadError(f"The certificates in {bundle} cannot be read: {error}.") from error
    # Received bytes are counted and hashed, so the transfer must not be compressed.
    headers = {"Accept-Encoding": "identity"}
    return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30.0, connect=5.0), verify=verify, headers=headers)


@contextmanager
def progress_bar(label: str, total: int, show: bool) -> Iterator[Advance]:
    """Progress of one file on stderr: a bar on a terminal, otherwise a message when it is complete."""
    if show and sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=label, total=total, unit="B", unit_scale=True) as bar:
            yield bar.update
    else:
        yield lambda _: None
        if show:
            print(f"{label}: {total / 1e6:.1f} MB", file=sys.stderr, flush=True)


def get_text(client: httpx.Client, url: httpx.URL, accept: str, limit: int) -> tuple[str, str]:
    """Body and content type of a page of at most `limit` bytes."""
    with _stream(client, url, {"Accept": accept}) as response:
        body = b"".join(_bounded(response, limit))
        return body.decode("utf-8", "replace"), response.headers.get("content-type", "")


def save_range(client: httpx.Client, url: httpx.URL, start: int, length: int, target: Path, advance: Advance) -> None:
    """Download `length` bytes from `start` into `target`; bytes that it holds already are kept, only the rest is requested."""
    have = target.stat().st_size if target.exists() else 0
    if have > length:
        target.unlink()
        have = 0
    advance(have)
    failures = 0
    with target.open("ab") as file:
        while have < length:
            before = have
            try:
                with _stream(client, url, {"Range": f"bytes={start + have}-{start + length - 1}"}) as response:
                    _require_partial(response)
                    for chunk in _bounded(response, length - have):
                        file.write(chunk)
                        have += len(chunk)
                        advance(len(chunk))
                broken = "the connection ended early"
            except _BrokenConnectionError as error:
                broken = str(error)
            failures = 0 if have > before else failures + 1
            if failures == ATTEMPTS:
                raise DownloadError(f"{shown(url)} cannot be read: {broken}.")
            time.sleep(0.5 * failures)


def save_whole(client: httpx.Client, url: httpx.URL, limit: int, target: Path) -> None:
    """Fetch a file of at most `limit` bytes from its beginning."""
    with _stream(client, url, {}) as response, target.open("wb") as file:
        for chunk in _bounded(response, limit):
            file.write(chunk)


class RemoteFile(io.RawIOBase):
    """A file on a server, as a seekable stream of which only what is read is fetched. Raises `NoRangesError`."""

    def __init__(self, client: httpx.Client, url: httpx.URL) -> None:
        self._client, self._url, self._at = client, url, 0
        _, self._size = self._fetch(0, 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        data, _ = self._fetch(self._at, length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _fetch(self, start: int, length: int) -> tuple[bytes, int]:
        with _stream(self._client, self._url, {"Range": f"bytes={start}-{start + length - 1}"}) as response:
            _require_partial(response)
            total = response.headers["content-range"].rpartition("/")[2]
            if not total.isdecimal():
                raise NoRangesError(f"{shown(self._url)} does not say how long it is.")
            return b"".join(_bounded(response, length)), int(total)


def shown(url: httpx.URL) -> str:
    """An address as it may be printed: without password and query."""
    return str(url.copy_with(username=None, password=None, query=None))


class _BrokenConnectionError(DownloadError):
    """A connection failed; another attempt may succeed."""


@contextmanager
def _stream(client: httpx.Client, url: httpx.URL, headers: dict[str, str]) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", url, headers=headers) as response:
            if response.is_error:
                raise DownloadError(f"{shown(url)} answers {response.status_code} {response.reason_phrase}.")
            if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
                raise DownloadError(f"{shown(url)} sends {encoding[:40]} though the plain file was requested.")
            yield response
    except httpx.HTTPError as error:
        raise _BrokenConnectionError(f"{shown(url)} cannot be read: {error}.") from error


def _bounded(response: httpx.Response, limit: int) -> Iterator[bytes]:
    left = limit
    for chunk in response.iter_raw():  # as they come: chunks of a set size would be lost with the connection
        left -= len(chunk)
        if left < 0:
            raise DownloadError(f"{shown(response.url)} sends more than {limit} bytes.")
        yield chunk


def _require_partial(response: httpx.Response) -> None:
    if response.status_code != httpx.codes.PARTIAL_CONTENT or "content-range" not in response.headers:
        raise NoRangesError(f"{shown(response.url)} does not give parts of a file.")
