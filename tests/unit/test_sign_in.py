"""The page that signs a browser in to Ray's dashboard."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from vivavoce.sign_in import COOKIE, SignInPage

DASHBOARD = "http://127.0.0.1:8265"
WAIT_S = 60.0
FETCH = """
import encodings.idna, os, socket, sys  # before the change of the user, who may not read Python's modules
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
connection = socket.socket()
connection.connect(("127.0.0.1", int(sys.argv[3])))
connection.sendall(f"GET {sys.argv[4]} HTTP/1.0\\r\\n\\r\\n".encode())
print(connection.makefile().read())
"""


@pytest.fixture
def page() -> Iterator[SignInPage]:
    with SignInPage(DASHBOARD, "secret") as page:
        yield page


@pytest.fixture
def waiting(page: SignInPage) -> Iterator[Future[bool]]:
    """The page is served until it was fetched."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(page.wait, WAIT_S)
        fetch(page.url)


def fetch(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, trust_env=False)
    except httpx.TransportError:  # it was fetched before
        return None


def test_it_sets_the_cookie_once_and_leads_on(page: SignInPage, waiting: Future[bool]) -> None:
    answer = fetch(page.url)
    assert answer is not None
    assert (answer.status_code, answer.headers["Location"]) == (303, DASHBOARD)
    assert answer.headers["Set-Cookie"] == f"{COOKIE}=secret; Path=/; HttpOnly; SameSite=Strict"
    assert waiting.result(WAIT_S)


def test_another_path_gets_nothing(page: SignInPage, waiting: Future[bool]) -> None:
    answer = fetch(f"{httpx.URL(page.url).copy_with(path='/')}")
    assert answer is not None
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
    assert not waiting.done()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_who_has_read_the_url_gets_nothing(page: SignInPage, waiting: Future[bool]) -> None:
    nobody = pwd.getpwnam("nobody")
    url = httpx.URL(page.url)
    command = [sys.executable, "-c", FETCH, str(nobody.pw_uid), str(nobody.pw_gid), str(url.port), url.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True)
    assert "404 Not Found" in done.stdout.splitlines()[0]
    assert COOKIE not in done.stdout
    assert not waiting.done()


def test_it_does_not_wait_for_ever(page: SignInPage) -> None:
    assert not page.wait(0.01)
