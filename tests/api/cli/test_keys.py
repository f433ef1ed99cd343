"""`vivavoce keys`, and the commands that find their key by themselves."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from media import recording
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE
from services.access import admin_key
from settings import Settings
from storage.postgres.database import Database
from tests.api.live import serving
from tests.support.command_line import vivavoce_here
from tests.support.program import BIN, environment

NO_STAGE: Any = None


@dataclass(frozen=True)
class Served:
    address: str
    env: dict[str, str]
    """Of a command on the same machine, with the same data directory."""


@pytest.fixture(scope="module")
def served(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An application that wants a key of every client."""
    directory = tmp_path_factory.mktemp("data")
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)

    async def prepare() -> None:
        database = Database(database_url)
        await admin_key.prepare(Settings(data_path=directory), database, own_directory=True)
        await database.dispose()

    asyncio.run(prepare())
    with serving(database_url, directory, stages, "wespeaker-resnet34", auth="required") as address:
        yield Served(f"http://{address.removesuffix('/api/v1')}", {"DATABASE_URL": database_url, "DATA_PATH": str(directory)})


def test_the_life_of_a_key(served: Served) -> None:
    done = vivavoce_here("keys", "create", "laptop", "--role", "writer", "--expires", "30", **served.env)
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    number = done.stderr.split()[1]
    status = httpx.get(f"{served.address}/api/v1/status", headers={"Authorization": f"Bearer {key}"}, timeout=120).status_code
    assert status == 200

    listed = vivavoce_here("keys", "list", **served.env).stdout
    assert key not in listed
    (row,) = [line for line in listed.splitlines() if key[:9] in line]
    assert "laptop" in row
    assert "writer" in row
    assert "expires" in row
    assert "administrator of this machine" in listed

    done = vivavoce_here("keys", "revoke", number, **served.env)
    assert done.stdout == f"Key {number} (laptop) is revoked.\n"
    assert "revoked" in vivavoce_here("keys", "list", **served.env).stdout
    done = vivavoce_here("keys", "revoke", number, **served.env)
    assert done.returncode == 1
    assert done.stderr.startswith(f"vivavoce: There is no API key {number} that could be revoked")


def test_what_cannot_be_done_is_said_in_a_sentence(served: Served) -> None:
    done = vivavoce_here("keys", "create", "x", "--owner", "Nobody", **served.env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no account 'Nobody'" in done.stderr
    done = vivavoce_here("keys", "create", " ", **served.env)
    assert done.returncode == 1
    assert done.stderr.startswith("vivavoce: This name cannot be used")
    assert vivavoce_here("keys", "create", "x", "--role", "root", **served.env).returncode == 2


def test_listen_finds_its_key(served: Served, tmp_path: Path) -> None:
    silence = tmp_path / "silence.flac"
    recording.write(silence, np.zeros(SAMPLE_RATE, np.float32))
    command = ("listen", silence, "--speed", "10", "--url", served.address)
    done = vivavoce_here(*command, **served.env)
    assert done.returncode == 0, done.stderr
    assert "Recording completed and saved" in done.stderr

    without = vivavoce_here(*command, DATA_PATH=str(tmp_path))
    assert without.returncode == 1
    assert without.stderr.startswith(f"vivavoce: {served.address} refuses: Send an API key")
    key = admin_key.read(Path(served.env["DATA_PATH"]))
    assert key is not None
    assert vivavoce_here(*command, DATA_PATH=str(tmp_path), VIVAVOCE_KEY=key).returncode == 0


def test_evaluate_finds_its_key(served: Served, tmp_path: Path) -> None:
    command = ("evaluate", "--url", served.address)
    assert "label" in vivavoce_here(*command, **served.env).stderr, "There is nothing to evaluate, which it may say."
    assert "Send an API key" in vivavoce_here(*command, DATA_PATH=str(tmp_path)).stderr


async def test_mcp_finds_its_key(served: Served, tmp_path: Path) -> None:
    async def tools(env: dict[str, str]) -> tuple[int, str]:
        command = StdioServerParameters(
            command=str(BIN / "vivavoce"), args=["mcp", "--url", served.address], cwd="/", env=environment(**env)
        )
        async with Client(stdio_client(command)) as client:
            result = await client.call_tool("list_conversations", {})
            return len((await client.list_tools()).tools), result.content[0].text  # type: ignore[union-attr]

    count, answer = await tools(served.env)
    assert answer.startswith("conversations: id, title")
    _, refused = await tools({"DATA_PATH": str(tmp_path)})
    assert "Send an API key" in refused
    reader = await asyncio.to_thread(vivavoce_here, "keys", "create", "desktop", **served.env)
    fewer, _ = await tools({"DATA_PATH": str(tmp_path), "VIVAVOCE_KEY": reader.stdout.strip()})
    assert 0 < fewer < count
