"""Keys and tickets in the program as it is served: behind Ray Serve's proxy, on a real data directory."""

import json
import stat
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from deployments.ray_environment import usual_directory
from services.access import admin_key
from tests.support.ports import free_port
from tests.support.program import ServedApplication, vivavoce

WRONG = {"Authorization": f"Bearer vv_{'A' * 43}"}


@pytest.fixture
def key(program: ServedApplication) -> dict[str, str]:
    """The header of the key that the first start wrote."""
    found = admin_key.read(program.data)
    assert found is not None
    return {"Authorization": f"Bearer {found}"}


@pytest.mark.ray
def test_the_first_start_writes_a_key_that_is_valid(program: ServedApplication, key: dict[str, str]) -> None:
    assert stat.S_IMODE((program.data / admin_key.FILE).stat().st_mode) == 0o600
    found = httpx.get(f"{program.address}/api/v1/keys", headers=key, timeout=120).raise_for_status().json()["keys"]
    (mine,) = [one for one in found if key["Authorization"].startswith(f"Bearer {one['prefix']}")]
    assert (mine["role"], mine["revoked_at"]) == ("admin", None)
    assert key["Authorization"] not in program.stderr + program.stdout


@pytest.mark.ray
def test_a_local_client_needs_no_key_but_a_valid_one(program: ServedApplication, key: dict[str, str]) -> None:
    url = f"{program.address}/api/v1/conversations"
    assert httpx.get(url, timeout=120).status_code == 200
    assert httpx.get(url, headers=key, timeout=120).status_code == 200
    assert httpx.get(url, headers=WRONG, timeout=120).status_code == 401
    # Serve's server replaces the address of such a request by the one in the header.
    for forwarded in ({"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.5"}, {"Forwarded": "for=127.0.0.1"}):
        assert httpx.get(url, headers=forwarded, timeout=120).status_code == 401
        assert httpx.get(url, headers=forwarded | key, timeout=120).status_code == 200


@pytest.mark.ray
def test_sockets_are_refused_before_the_handshake_and_no_log_holds_a_secret(
    program: ServedApplication, key: dict[str, str]
) -> None:
    url = f"{program.address.replace('http', 'ws', 1)}/api/v1/streaming/ws"
    answer = httpx.post(f"{program.address}/api/v1/streaming/ticket", headers=key, timeout=120)
    ticket = answer.raise_for_status().json()["ticket"]
    with connect(f"{url}?ticket={ticket}", proxy=None) as socket:
        socket.send(json.dumps({"type": "status"}))
        assert "start" in str(socket.recv(60))
    for options in ({"uri": f"{url}?ticket={ticket}"}, {"uri": url, "additional_headers": WRONG}):
        with pytest.raises(InvalidStatus) as refused, connect(**options, proxy=None):
            pass
        assert refused.value.response.status_code == 401
        assert "not valid" in json.loads(refused.value.response.body or b"")["detail"]
    secrets = [ticket.encode(), key["Authorization"].removeprefix("Bearer ").encode(), b"vv_" + b"A" * 43]
    logs = [path for path in usual_directory(program.data).rglob("*") if path.is_file() and "logs" in path.parts]
    assert any(path.stat().st_size for path in logs)
    for path in logs:
        found = path.read_bytes()
        assert not any(secret in found for secret in secrets), path


def test_beyond_loopback_the_program_refuses_to_start_without_a_key(open_directory: Path) -> None:
    data = open_directory / "data"
    done = vivavoce("serve", "--host", "0.0.0.0", "--port", str(free_port()), "--data-dir", data)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("vivavoce: HOST is 0.0.0.0: every client needs an API key or a login")
    assert "vivavoce keys create" in done.stderr
    assert not (data / admin_key.FILE).exists()
