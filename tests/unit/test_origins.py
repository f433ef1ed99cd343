"""Hosts and origins, valid ones and those that only look like another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.origins import Authority, Origin
from settings import Settings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("LocalHost:8000", "localhost", 8000),
        ("localhost.", "localhost", None),
        ("vivavoce_app:80", "vivavoce_app", 80),
        ("a.b-c.example.org:65535", "a.b-c.example.org", 65535),
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("[::1]", "::1", None),
        ("[0:0:0:0:0:0:0:1]:8000", "::1", 8000),
    ],
)
def test_hosts(text: str, host: str, port: int | None) -> None:
    found = Authority.parse(text)
    assert found is not None
    assert (found.host, found.port) == (host, port)
    assert found.is_address == (host[-1] == "1")


NO_HOSTS = [
    *("", " ", ".", "..", ":", ":80", "localhost:", "localhost:80:90", "localhost:+80", "localhost:65536", "localhost:0x50"),
    *(
        "localhost:80@evil.example",
        "user@localhost",
        "user:pass@localhost",
        "localhost/",
        "localhost?",
        "localhost#",
        "local host",
    ),
    *(
        "localhost, evil.example",
        "localhost\t",
        "localhost\r\n",
        "localhost%00",
        "lo\u0441alhost",
        "\uff11\uff12\uff17.0.0.1",
        "-a",
        "a..b",
    ),
    *(
        "[::1",
        "::1",
        "[::1]evil",
        "[::1]evil:80",
        "[]",
        "[evil]",
        "[::1%lo]",
        "[127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
    ),
    *("127.0.0.01", "256.0.0.1", "evil.1", "*", "*.example.org", "a" * 400),
]


@pytest.mark.parametrize("text", NO_HOSTS)
def test_what_is_no_host(text: str) -> None:
    assert Authority.parse(text) is None
    assert Origin.parse(f"http://{text}") is None


@pytest.mark.parametrize(
    "text", ["null", "", "http://", "localhost", "//localhost", "http:localhost", "http://localhost/", "htt\u0440://localhost"]
)
def test_what_is_no_origin(text: str) -> None:
    assert Origin.parse(text) is None


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://localhost:8000", "localhost:8000", True),  # a proxy with TLS
        ("https://viva.example", "viva.example", True),
        ("https://viva.example", "viva.example:443", True),
        ("http://viva.example:80", "viva.example", True),
        ("HTTP://Viva.Example.", "viva.example", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://localhost", "localhost:8000", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("http://localhost.evil.example:8000", "localhost:8000", False),
        ("ftp://localhost:8000", "localhost:8000", False),
        ("chrome-extension://localhost:8000", "localhost:8000", False),
    ],
)
def test_own_origins(origin: str, host: str, own: bool) -> None:
    page, server = Origin.parse(origin), Authority.parse(host)
    assert page is not None
    assert server is not None
    assert page.is_served_by(server) == own


@given(st.one_of(st.text(), st.text("alo:.[]@/01 ", max_size=12).map("http://".__add__)))
def test_what_is_parsed_is_written_and_parsed_again(text: str) -> None:
    found = Origin.parse(text)
    if found is not None:
        assert Origin.parse(str(found)) == found
        assert not set(str(found).partition("://")[2]) & set("@/?#, \\")


def test_settings_hold_origins_as_browsers_write_them() -> None:
    assert Settings().cors_origins == ["http://localhost:3000"]
    settings = Settings(
        cors_origins="https://Pages.Example/, http://localhost:80", allowed_hosts="Viva.Example., [::1], 10.0.0.7:8000"
    )
    assert settings.cors_origins == ["https://pages.example", "http://localhost"]
    assert settings.allowed_hosts == ["viva.example", "::1", "10.0.0.7"]


@pytest.mark.parametrize(
    "wrong", [{"cors_origins": "*"}, {"cors_origins": "pages.example"}, {"allowed_hosts": "*"}, {"allowed_hosts": "http://a"}]
)
def test_settings_refuse_what_is_none(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="such as"):
        Settings(**wrong)  # type: ignore[arg-type]
