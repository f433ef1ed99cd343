"""The queue of texts to embed, and the vectors that come of it, on a real PostgreSQL."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from pipeline.types import TextVectors
from storage.events.notifications import Notifications
from storage.postgres.database import Database
from storage.search import pending_vectors, vector_index
from storage.search.pending_vectors import Pending
from storage.tables import Conversation, SegmentRow, SegmentToEmbed, SegmentVector
from tests.storage.archive import add_talk
from tests.storage.transcripts import voice

MODEL, DIMENSION = "test-sentences", 16


def vectors(claimed: Sequence[Pending], model: str = MODEL) -> TextVectors:
    return TextVectors(np.stack([voice(item.segment_id, DIMENSION) for item in claimed]), model)


async def talk(database: Database, lines: int = 4) -> int:
    async with database.session() as session:
        return await add_talk(session, [None], lines)


async def claim(database: Database, limit: int = 100) -> Sequence[Pending]:
    async with database.session() as session:
        return await pending_vectors.claim(session, limit)


async def store(database: Database, claimed: Sequence[Pending], model: str = MODEL) -> int:
    async with database.session() as session:
        return await pending_vectors.store(session, claimed, vectors(claimed, model))


async def stored(database: Database) -> set[tuple[int, str]]:
    async with database.session() as session:
        rows = await session.execute(select(SegmentVector.segment_id, SegmentVector.model))
        return {(row.segment_id, row.model) for row in rows}


async def waiting(database: Database) -> int:
    async with database.session() as session:
        return await pending_vectors.count(session)


async def change(database: Database, segment: int, new: str) -> None:
    async with database.session() as session:
        await session.execute(update(SegmentRow).where(SegmentRow.id == segment).values(text=new))


async def test_new_texts_are_embedded_once_newest_first(database: Database) -> None:
    await talk(database)
    first, second = await claim(database, 3), await claim(database, 3)
    assert {item.text for item in first} == {"Line 3.", "Line 2.", "Line 1."}
    assert {item.text for item in second} == {"Line 0."}
    assert await claim(database) == []
    assert await store(database, first) + await store(database, second) == 4
    assert len(await stored(database)) == 4
    assert await waiting(database) == 0


async def test_texts_without_letters_to_read_are_left_out(database: Database) -> None:
    conversation = await talk(database, 1)
    async with database.session() as session:
        participant = await session.scalar(select(SegmentRow.participant_id))
        session.add(
            SegmentRow(
                conversation_id=conversation, participant_id=participant, position=9, start_offset=9, end_offset=9, text=" "
            )
        )
    assert [item.text for item in await claim(database)] == ["Line 0."]


async def test_what_a_dead_process_has_claimed_is_taken_by_another(database: Database) -> None:
    await talk(database, 1)
    (lost,) = await claim(database)
    assert await claim(database) == []
    async with database.session() as session:
        await session.execute(update(SegmentToEmbed).values(claimed_until=func.now() - timedelta(seconds=1)))
    (again,) = await claim(database)
    assert again == lost
    async with database.session() as session:
        await pending_vectors.release(session, [again])
    assert await claim(database) == [lost]


async def test_two_processes_never_have_the_same_text(database: Database) -> None:
    await talk(database, 60)
    claims = await asyncio.gather(*(claim(database, 20) for _ in range(4)))
    ids = [item.segment_id for found in claims for item in found]
    assert len(ids) == len(set(ids))
    assert len(ids) + len(await claim(database)) == 60


async def test_a_claim_takes_no_more_than_its_limit_whatever_the_statistics_say(database: Database) -> None:
    await talk(database, 1)
    async with database.autocommit() as connection:
        await connection.execute(text("ANALYZE segments_to_embed"))  # PostgreSQL plans for one row
    await talk(database, 60)
    async with database.session() as session:  # the newest are the first in the table
        await session.execute(text("CREATE TEMPORARY TABLE queue ON COMMIT DROP AS SELECT * FROM segments_to_embed"))
        await session.execute(delete(SegmentToEmbed))
        await session.execute(text("INSERT INTO segments_to_embed SELECT * FROM queue ORDER BY segment_id DESC"))
    assert [len(await claim(database, 20)) for _ in range(4)] == [20, 20, 20, 1]


async def test_a_changed_text_loses_its_vector_at_once(database: Database) -> None:
    await talk(database, 2)
    claimed = await claim(database)
    await store(database, claimed)
    await change(database, claimed[0].segment_id, "Something else.")
    assert await stored(database) == {(claimed[1].segment_id, MODEL)}
    assert [item.text for item in await claim(database)] == ["Something else."]
    async with database.session() as session:  # what is no text
        await session.execute(update(SegmentRow).values(emotion_category="sad"))
    assert await stored(database) == {(claimed[1].segment_id, MODEL)}


async def test_a_text_that_changes_while_it_is_embedded_is_embedded_again(database: Database) -> None:
    await talk(database, 2)
    claimed = await claim(database)
    await change(database, claimed[0].segment_id, "Something else.")
    assert await store(database, claimed) == 1
    assert await stored(database) == {(claimed[1].segment_id, MODEL)}
    (again,) = await claim(database)
    assert again.text == "Something else."
    assert await store(database, [again]) == 1


async def test_nothing_waits_for_an_edit_that_is_not_committed(database: Database) -> None:
    await talk(database, 2)
    claimed = await claim(database)
    async with database.session() as editor:
        await editor.execute(update(SegmentRow).where(SegmentRow.id == claimed[0].segment_id).values(text="New."))
        async with asyncio.timeout(120):
            assert await store(database, claimed) == 1
    assert {item.text for item in await claim(database)} == {"New."}


async def test_an_erasure_leaves_no_vector_and_waits_for_none(database: Database) -> None:
    kept, erased = await talk(database, 2), await talk(database, 2)
    claimed = await claim(database)
    async with database.session() as eraser:
        await eraser.execute(delete(Conversation).where(Conversation.id == erased))
        async with asyncio.timeout(120):
            assert await store(database, claimed) == 2
    assert await waiting(database) == 0
    async with database.session() as session:
        of_kept = set(await session.scalars(select(SegmentRow.id).where(SegmentRow.conversation_id == kept)))
    assert await stored(database) == {(id_, MODEL) for id_ in of_kept}
    async with database.session() as session:
        await session.execute(delete(Conversation))
    assert await stored(database) == set()


async def test_an_archive_gets_the_vectors_of_another_model_before_it_loses_the_old_ones(database: Database) -> None:
    await talk(database, 7)
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, DIMENSION)
    claimed = await claim(database)
    await store(database, claimed)
    async with database.session() as session:
        await vector_index.ensure(session, "other:model's", 8)
        after: int | None = 0
        while after is not None:
            after = await pending_vectors.add_missing(session, "other:model's", after, 3)
    assert await waiting(database) == 7
    again = await claim(database, 4)
    async with database.session() as session:
        found = TextVectors(np.stack([voice(item.segment_id, 8) for item in again]), "other:model's")
        assert await pending_vectors.store(session, again, found) == 4
    assert len(await stored(database)) == 11
    async with database.session() as session:
        (old,) = await vector_index.others(session, "other:model's", 8)
        assert old == vector_index.name_of(MODEL, DIMENSION)
        assert await vector_index.remove_some(session, "other:model's") == 7
        await vector_index.drop_others(session, "other:model's", 8)
        assert await vector_index.others(session, "other:model's", 8) == []
        assert await vector_index.others(session, MODEL, DIMENSION) != []
    assert await stored(database) == {(item.segment_id, "other:model's") for item in again}


async def test_indexes_are_left_while_another_process_builds_them(database: Database) -> None:
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, DIMENSION)
    async with database.session() as building, database.session() as session:
        await building.execute(select(func.pg_advisory_xact_lock(vector_index.REBUILD_LOCK)))
        await vector_index.drop_others(session, "another model", 8)
        assert vector_index.name_of(MODEL, DIMENSION) in await vector_index.others(session, "another model", 8)


async def test_whether_a_model_has_begun_is_read_while_indexes_are_made_and_dropped(database: Database) -> None:
    changing = asyncio.create_task(_make_and_drop(database))
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, DIMENSION)
    while not changing.done():
        async with database.session() as session:
            assert await vector_index.is_begun(session, MODEL)
    await changing


async def _make_and_drop(database: Database) -> None:
    for _ in range(400):
        async with database.session() as session:
            await vector_index.ensure(session, "another model", 8)
        async with database.session() as session:
            await vector_index.drop(session, vector_index.name_of("another model", 8))


async def test_a_model_has_begun_with_its_index_or_with_vectors_whose_index_is_being_built(database: Database) -> None:
    await talk(database, 3)

    async def begun(model: str) -> bool:
        async with database.session() as session:
            return await vector_index.is_begun(session, model)

    async with database.session() as session:
        # An earlier test may have made it: tests empty tables, and keep indexes.
        await vector_index.drop(session, vector_index.name_of(MODEL, DIMENSION))
    assert not await begun(MODEL)
    async with database.session() as session:
        await vector_index.ensure(session, MODEL, DIMENSION)
    assert await begun(MODEL)
    assert not await begun("another model")
    await store(database, await claim(database, 2))
    async with database.session() as session:
        await vector_index.drop(session, vector_index.name_of(MODEL, DIMENSION))
        assert await pending_vectors.count_with_vectors(session, MODEL) == 3
        assert await pending_vectors.count_with_vectors(session, "another model") == 1
        assert await pending_vectors.count_segments(session) == 3
    assert await begun(MODEL)


async def test_the_queue_of_an_archive_gives_way_to_an_edit(database: Database) -> None:
    await talk(database, 2)
    claimed = await claim(database)
    await store(database, claimed)
    async with database.session() as session:
        await session.execute(delete(SegmentVector))
    async with database.session() as editor:
        await editor.execute(update(SegmentRow).values(text=SegmentRow.text + " More."))
        with pytest.raises(DBAPIError) as refused:
            async with database.session() as session:
                await pending_vectors.add_missing(session, MODEL, 0, 100)
        assert pending_vectors.is_locked(refused.value)
    assert await waiting(database) == 2


async def test_texts_are_announced_when_their_transaction_ends(database: Database, database_url: str) -> None:
    async with Notifications(database_url, database) as notifications:
        async with asyncio.timeout(120):
            await notifications.texts.wait()  # at the start
        notifications.texts.clear()
        await talk(database, 1)
        async with asyncio.timeout(120):
            await notifications.texts.wait()
        async with database.session() as session:
            assert await session.scalar(select(func.count()).select_from(SegmentToEmbed)) == 1
            assert await session.scalar(text("SELECT count(*) FROM segment_vectors")) == 0
