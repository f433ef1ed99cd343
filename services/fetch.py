"""Fetch a file from a URL that a client gives.

A client must not make the server send requests into its own network (SSRF, https://owasp.org/www-community/attacks/
Server_Side_Request_Forgery). Every address of the host must be public, and the connection goes to the address that was checked,
since a name may resolve to another one a moment later. The same holds for each redirect. This is our own code because httpx has
no such check.

A compressed answer is refused: a few kilobytes would become gigabytes while httpx decompresses them.
"""

import asyncio
import ipaddress
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

import httpx

from media import free_space
from services.public_addresses import Address, is_public, of_this_machine

REQUEST_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
DOWNLOAD_TIMEOUT_S = 600.0
"""For the whole file."""
MAX_REDIRECTS = 5
PLAIN = "identity"
"""The name of no encoding in HTTP."""


class FetchError(ValueError):
    """The file cannot be fetched; the message says why, and what to do."""


async def fetch(url: str, file: BinaryIO, max_bytes: int, *, private: bool = False) -> str:
    """Write the content of an http or https URL to `file`, and rewind the file.

    Args:
        url: The URL to fetch.
        file: Receives the content.
        max_bytes: The largest size that is accepted.
        private: Whether addresses of this machine and its network are allowed.

    Returns:
        The last part of the URL's path, after redirects.

    Raises:
        FetchError: The content cannot be fetched.
        DiskFullError: Too little space is free for it.
    """
    try:
        async with asyncio.timeout(DOWNLOAD_TIMEOUT_S), _opened(url, private) as response:
            _check(response, max_bytes)
            size = 0
            async for chunk in response.aiter_raw(1 << 20):
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                await asyncio.to_thread(_write, file, chunk)
            name = PurePosixPath(unquote(response.request.url.path)).name
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise FetchError(f"The recording could not be fetched ({type(error).__name__}); check the URL.") from error
    file.seek(0)
    return name or "recording"


@asynccontextmanager
async def _opened(url: str, private: bool) -> AsyncIterator[httpx.Response]:
    # No proxy of the environment: it would resolve the name itself, past the check.
    async with httpx.AsyncClient(trust_env=False, timeout=REQUEST_TIMEOUT) as client:
        for _ in range(MAX_REDIRECTS + 1):
            request = client.build_request("GET", url, headers={"Accept-Encoding": PLAIN})
            await pin(request, private)
            response = await client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
            finally:
                await response.aclose()
            url = str(httpx.URL(url).join(response.headers["location"]))
    raise FetchError(f"The URL leads to another one more than {MAX_REDIRECTS} times; give the last one.")


def _check(response: httpx.Response, max_bytes: int) -> None:
    """Raises FetchError if the head of the answer shows that it holds no recording that is accepted."""
    if response.status_code != 200:
        raise FetchError(f"The server of the recording answered {response.status_code}; check the URL.")
    encoding = response.headers.get("content-encoding", PLAIN).strip().lower()
    if encoding not in ("", PLAIN):
        raise FetchError(
            f"The server of the recording sends it compressed ({encoding[:40]!r}) though it was asked for the plain file; give "
            "a URL of the plain file, or upload it."
        )
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _write(file: BinaryIO, chunk: bytes) -> None:
    free_space.require(Path(tempfile.gettempdir()), len(chunk))
    file.write(chunk)


def _too_large(max_bytes: int) -> FetchError:
    return FetchError(f"The recording is larger than {max_bytes >> 20} MB; send a smaller one.")


async def pin(request: httpx.Request, private: bool) -> None:
    """Send the request to a checked address of its host. Raises FetchError where there is none, or one that is not allowed."""
    url = request.url
    if url.scheme not in ("http", "https") or not url.host:
        raise FetchError("Give a URL that begins with http:// or https://.")
    address = await _resolve(url.host, url.port or (443 if url.scheme == "https" else 80), private)
    request.url = url.copy_with(host=str(address))
    request.extensions["sni_hostname"] = url.raw_host.decode()


async def _resolve(host: str, port: int, private: bool) -> Address:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"There is no host {host!r}; check the URL.") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    own = await asyncio.to_thread(of_this_machine)
    if not private and not all(is_public(address) and address not in own for address in addresses):
        raise FetchError(
            f"{host!r} is in a private network, from which nothing is fetched; upload the file, or set PRIVATE_URLS=true."
        )
    return addresses[0]
