"""The administrator's key in the data directory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.access import Role
from services.access import admin_key
from services.access.admin_key import NoCredentialError
from settings import Settings
from storage.access import keys
from storage.postgres.database import Database


async def prepare(database: Database, directory: Path, *, own_directory: bool = True, **settings: Any) -> str | None:
    await admin_key.prepare(Settings(data_path=directory, **settings), database, own_directory=own_directory)
    return admin_key.read(directory)


async def role(database: Database, key: str | None) -> Role | None:
    assert key is not None
    async with database.session() as session:
        found = await keys.find(session, key)
    return None if found is None else found.role


async def all_keys(database: Database) -> list[keys.Key]:
    async with database.session() as session:
        return await keys.list_all(session)


async def test_the_first_start_writes_a_key_for_this_user_alone(database: Database, tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = await prepare(database, data)
    assert await role(database, key) is Role.ADMIN
    assert (data / "admin.key").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in data.iterdir()] == ["admin.key"]
    assert await prepare(database, data) == key
    assert len(await all_keys(database)) == 1


async def test_replicas_that_start_together_write_one_key(database: Database, tmp_path: Path) -> None:
    found = await asyncio.gather(*(prepare(database, tmp_path) for _ in range(4)))
    assert len(await all_keys(database)) == 1
    assert await role(database, found[0]) is Role.ADMIN


async def test_a_revoked_or_foreign_key_is_replaced(database: Database, tmp_path: Path) -> None:
    first = await prepare(database, tmp_path)
    async with database.session() as session:
        await keys.revoke(session, 1)
    second = await prepare(database, tmp_path)
    assert second != first
    (tmp_path / "admin.key").write_bytes(b"\xff not a key")
    (tmp_path / "admin.key").chmod(0o644)
    third = await prepare(database, tmp_path)
    assert await role(database, third) is Role.ADMIN
    assert (tmp_path / "admin.key").stat().st_mode & 0o777 == 0o600


async def test_beyond_loopback_it_refuses_to_start_without_a_key(database: Database, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "vivavoce.example"):
        with pytest.raises(NoCredentialError, match=rf"HOST is {host}: .*vivavoce keys create NAME --role admin"):
            await prepare(database, tmp_path, host=host)
    assert await all_keys(database) == []
    assert not (tmp_path / "admin.key").exists()
    async with database.session() as session:
        await keys.create(session, "mine", Role.ADMIN)
    assert await role(database, await prepare(database, tmp_path, host="0.0.0.0")) is Role.ADMIN


async def test_with_required_keys_on_loopback_the_first_one_is_in_the_directory(database: Database, tmp_path: Path) -> None:
    assert await role(database, await prepare(database, tmp_path, auth="required")) is Role.ADMIN


async def test_a_node_of_a_cluster_has_no_directory_of_its_own(database: Database, tmp_path: Path) -> None:
    with pytest.raises(NoCredentialError, match="AUTH is 'required'"):
        await prepare(database, tmp_path, own_directory=False, auth="required")
    async with database.session() as session:
        await keys.create(session, "mine", Role.ADMIN)
    assert await prepare(database, tmp_path, own_directory=False, auth="required") is None
