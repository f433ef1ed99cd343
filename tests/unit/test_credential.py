"""The key that a command sends."""

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.access import admin_key
from settings import Settings
from vivavoce.access.credential import headers

HERE = ["http://127.0.0.1:8000", "http://localhost:9", "http://[::1]:8000", "https://127.0.0.1", "http://0.0.0.0:8000"]
ELSEWHERE = [
    "http://203.0.113.5:8000",
    "https://vivavoce.example",
    "http://127.0.0.1@evil.example",
    "http://localhost.example",
    "http://[::1",
    "",
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / admin_key.FILE).write_text("vv_local\n")
    return Settings(data_path=tmp_path)


def test_the_administrators_key_is_sent_to_this_machine_alone(settings: Settings) -> None:
    for address in HERE:
        assert headers(address, settings) == {"Authorization": "Bearer vv_local"}, address
    for address in ELSEWHERE:
        assert headers(address, settings) == {}, address


def test_host_may_name_an_address_of_this_machine_and_no_other(settings: Settings) -> None:
    """HOST may come from the `.env` of the directory in which a command runs."""
    for host in ("203.0.113.5", "vivavoce.example"):
        assert headers(f"http://{host}:8000", settings.model_copy(update={"host": host})) == {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.5", 9))  # sends nothing, and chooses the address of an interface
        except OSError:
            pytest.skip("This machine has no network.")
        host = probe.getsockname()[0]
    assert headers(f"http://{host}:8000", settings.model_copy(update={"host": host})) == {"Authorization": "Bearer vv_local"}


def test_the_key_of_the_environment_is_sent_to_any_machine(settings: Settings) -> None:
    chosen = settings.model_copy(update={"vivavoce_key": SecretStr("vv_mine")})
    for address in HERE + ELSEWHERE:
        assert headers(address, chosen) == {"Authorization": "Bearer vv_mine"}
    assert "vv_mine" not in repr(chosen)


def test_without_a_key_none_is_sent(tmp_path: Path) -> None:
    assert headers(HERE[0], Settings(data_path=tmp_path)) == {}
    (tmp_path / admin_key.FILE).write_text("")
    assert headers(HERE[0], Settings(data_path=tmp_path)) == {}
