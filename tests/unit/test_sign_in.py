"""The page that signs a browser in to Ray's dashboard."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from vivavoce.access.sign_in import COOKIE, SignInPage

DASHBOARD = "http://127.0.0.1:8265"
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


def test_it_sets_the_cookie_once_and_leads_on(page: SignInPage) -> None:
    answer = httpx.get(page.url, trust_env=False, timeout=120)
    assert (answer.status_code, answer.headers["Location"]) == (303, DASHBOARD)
    assert answer.headers["Set-Cookie"] == f"{COOKIE}=secret; Path=/; HttpOnly; SameSite=Strict"
    assert page.wait(0)
    assert httpx.get(page.url, trust_env=False, timeout=120).status_code == 404


def test_another_path_gets_nothing(page: SignInPage) -> None:
    answer = httpx.get(f"{httpx.URL(page.url).copy_with(path='/')}", trust_env=False, timeout=120)
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
    assert not page.wait(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_who_has_read_the_url_gets_nothing(page: SignInPage) -> None:
    nobody = pwd.getpwnam("nobody")
    url = httpx.URL(page.url)
    command = [sys.executable, "-c", FETCH, str(nobody.pw_uid), str(nobody.pw_gid), str(url.port), url.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert "404 Not Found" in done.stdout.splitlines()[0]
    assert COOKIE not in done.stdout
    assert not page.wait(0)
