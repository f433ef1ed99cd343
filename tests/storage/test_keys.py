"""API keys in the database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from pipeline.access import Role
from storage.access import keys, people
from storage.postgres.database import Database
from storage.tables import ApiKey, Person


async def create(database: Database, role: Role = Role.WRITER, **values: object) -> tuple[str, keys.Key]:
    async with database.session() as session:
        return await keys.create(session, "laptop", role, **values)  # type: ignore[arg-type]


async def find(database: Database, key: str) -> keys.ValidKey | None:
    async with database.session() as session:
        return await keys.find(session, key)


async def person(database: Database, role: Role) -> int:
    async with database.session() as session:
        return (await people.create(session, "Ada", role)).id


async def test_a_key_is_stored_as_its_hash_alone(database: Database) -> None:
    key, shown = await create(database)
    assert key.startswith("vv_")
    assert keys.is_key(key)
    assert shown.prefix == key[:9]
    async with database.session() as session:
        row = str((await session.execute(text("SELECT to_jsonb(api_keys) FROM api_keys"))).scalar_one())
    assert key[9:] not in row
    assert await find(database, key) == keys.ValidKey(shown.id, Role.WRITER, None, None)


async def test_two_keys_differ_in_all_their_random_bytes(database: Database) -> None:
    (one, _), (other, _) = await create(database), await create(database)
    assert one[3:] != other[3:]
    assert one[3:9] != other[3:9]


async def test_no_other_key_is_found(database: Database) -> None:
    key, _ = await create(database)
    for wrong in (key[:-1], key + "A", key.swapcase(), key[3:], "vv_" + "A" * 43, ""):
        assert await find(database, wrong) is None, wrong


async def test_a_revoked_key_is_not_found_but_listed(database: Database) -> None:
    key, shown = await create(database)
    async with database.session() as session:
        revoked = await keys.revoke(session, shown.id)
    assert revoked.revoked_at is not None
    assert await find(database, key) is None
    async with database.session() as session:
        assert await keys.list_all(session) == [revoked]
        with pytest.raises(keys.KeyNotFoundError, match="keys list"):
            await keys.revoke(session, shown.id)


async def test_an_expired_key_is_not_found(database: Database) -> None:
    soon, _ = await create(database, expires_at=datetime.now(UTC) + timedelta(hours=1))
    past, _ = await create(database, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await find(database, soon) is not None
    assert await find(database, past) is None


async def test_a_key_allows_no_more_than_its_owner(database: Database) -> None:
    owner = await person(database, Role.READER)
    key, shown = await create(database, Role.ADMIN, person_id=owner)
    assert shown.person == "Ada"
    assert await find(database, key) == keys.ValidKey(shown.id, Role.READER, owner, None)
    async with database.session() as session:
        await session.execute(update(Person).values(role=Role.ADMIN.value))
    assert (await find(database, key)) == keys.ValidKey(shown.id, Role.ADMIN, owner, None)


async def test_the_keys_of_a_disabled_person_are_not_found(database: Database) -> None:
    key, _ = await create(database, person_id=await person(database, Role.WRITER))
    async with database.session() as session:
        await session.execute(update(Person).values(disabled_at=datetime.now(UTC)))
    assert await find(database, key) is None
    async with database.session() as session:
        assert not await keys.any_credential(session)


async def test_the_last_use_is_written_at_most_once_a_minute(database: Database) -> None:
    _, shown = await create(database)

    async def touch() -> datetime | None:
        async with database.session() as session:
            await keys.touch(session, shown.id)
            return await session.scalar(select(ApiKey.last_used_at))

    first = await touch()
    assert first is not None
    assert await touch() == first
    async with database.session() as session:
        await session.execute(update(ApiKey).values(last_used_at=first - timedelta(seconds=61)))
    later = await touch()
    assert later is not None
    assert later > first


async def test_whether_anyone_could_call(database: Database) -> None:
    async def callable_() -> bool:
        async with database.session() as session:
            return await keys.any_credential(session)

    assert not await callable_()
    _, shown = await create(database)
    assert await callable_()
    async with database.session() as session:
        await keys.revoke(session, shown.id)
    assert not await callable_()
    await person(database, Role.ADMIN)
    assert await callable_()
