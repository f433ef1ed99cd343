"""A merge gives voices to another speaker and changes no participant; what is undone or erased is exact nevertheless."""

import pytest
from sqlalchemy import Row, select, text

from services.erasure import speakers as erasure
from services.identity import speaker_admin, undo
from storage.postgres.database import Database
from storage.speakers import references, speakers
from storage.tables import Speaker, VoiceRow
from tests.storage.people import keep, names, state, talk
from tests.storage.transcripts import MODEL, RULES, read_rules, voice


async def three(database: Database) -> tuple[int, int, int]:
    """Three conversations in which different voices speak: the speakers 1 to 3."""
    first, second, third = [await keep(database, talk([voice(seed)], lines=1)) for seed in (1, 2, 3)]
    return first, second, third


async def merge(database: Database, source: int, target: int) -> None:
    async with database.session() as session:
        await speaker_admin.merge(session, RULES, source, target)


async def take_back(database: Database) -> None:
    async with database.session() as session:
        await undo.undo(session, read_rules)


async def stored(database: Database) -> list[Row[tuple[int, str, str]]]:
    """The versions of the rows of participants."""
    async with database.session() as session:
        return list(await session.execute(text("SELECT id, ctid::text, xmin::text FROM participants ORDER BY id")))


async def owners(database: Database) -> dict[int, int]:
    async with database.session() as session:
        return {row.id: row.speaker_id for row in await session.execute(select(VoiceRow.id, VoiceRow.speaker_id))}


async def nearest(database: Database, seed: int) -> set[int]:
    async with database.session() as session:
        (near,) = await references.neighbours(session, voice(seed)[None], MODEL, 0.9)
    return set(near)


async def test_a_merge_changes_no_participant(database: Database) -> None:
    _, second, _ = await three(database)
    before = await stored(database)
    await merge(database, 2, 1)
    assert await stored(database) == before
    assert await names(database, second) == ["Unknown_01"]
    assert await owners(database) == {1: 1, 2: 1, 3: 3}


async def test_merges_of_merged_speakers_are_undone_one_by_one(database: Database) -> None:
    await three(database)
    states = [await state(database)]
    for source, target in ((3, 2), (2, 1)):
        await merge(database, source, target)
        states.append(await state(database))
    for before in reversed(states[:-1]):
        await take_back(database)
        assert await state(database) == before
    assert await owners(database) == {1: 1, 2: 2, 3: 3}


async def test_what_is_recognised_after_a_merge_stays_with_the_speaker_when_it_is_undone(database: Database) -> None:
    _, second, _ = await three(database)
    await merge(database, 2, 1)
    later = await keep(database, talk([voice(2)], lines=1))
    await take_back(database)
    assert (await names(database, second), await names(database, later)) == (["Unknown_02"], ["Unknown_01"])


async def test_a_deletion_after_a_merge_is_undone_before_it(database: Database) -> None:
    await three(database)
    before = await state(database)
    await merge(database, 2, 1)
    merged = await state(database)
    async with database.session() as session:
        await speaker_admin.delete(session, 1)
    assert await owners(database) == {3: 3}
    await take_back(database)
    assert await state(database) == merged
    await take_back(database)
    assert await state(database) == before


async def test_a_speaker_that_gets_the_id_of_a_merged_one_gets_none_of_its_participants(database: Database) -> None:
    """A restore uses ids again."""
    _, second, _ = await three(database)
    await merge(database, 2, 1)
    async with database.session() as session:
        session.add(Speaker(id=2, name="Ada"))
    assert await names(database, second) == ["Unknown_01"]
    assert await owners(database) == {1: 1, 2: 2, 3: 3}


async def test_an_erasure_leaves_no_voice_of_merged_speakers(database: Database) -> None:
    conversations = await three(database)
    await merge(database, 3, 2)
    await merge(database, 2, 1)
    async with database.session() as session:
        await erasure.remove(session, 1)
        left = (await session.execute(text("SELECT count(*), count(vector), count(speaker_id) FROM participants"))).one()
    assert tuple(left) == (3, 0, 0)
    assert await owners(database) == {}
    assert [await names(database, one) for one in conversations] == [["Unknown_A"]] * 3


async def test_references_of_a_merged_speaker_are_the_others_in_every_process(database: Database, database_url: str) -> None:
    await three(database)
    replica = Database(database_url)
    try:
        assert (await nearest(database, 2), await nearest(replica, 2)) == ({2}, {2})
        await merge(replica, 2, 1)
        assert (await nearest(database, 2), await nearest(replica, 2)) == ({1}, {1})
        fresh = Database(database_url)
        assert await nearest(fresh, 2) == {1}
        await fresh.dispose()
        await take_back(database)
        assert (await nearest(database, 2), await nearest(replica, 2)) == ({2}, {2})
    finally:
        await replica.dispose()


async def test_a_merge_that_is_rolled_back_leaves_the_references(database: Database) -> None:
    await three(database)
    assert await nearest(database, 2) == {2}

    async def try_in_vain() -> None:
        async with database.session() as session:
            await speaker_admin.merge(session, RULES, 2, 1)
            (near,) = await references.neighbours(session, voice(2)[None], MODEL, 0.9)
            assert set(near) == {1}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await try_in_vain()
    assert await nearest(database, 2) == {2}
    async with database.session() as session:
        assert await speakers.names(session) == ["Unknown_01", "Unknown_02", "Unknown_03"]
