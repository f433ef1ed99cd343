"""The matrix of references in memory equals what each transaction sees, with changes by any process."""

import asyncio
import random
from collections.abc import AsyncIterator

import numpy as np
import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity import matching
from pipeline.types import Vector
from storage.postgres.database import Database
from storage.speakers import references, speakers
from storage.tables import Conversation, EmotionProfile, ParticipantRow, Speaker, VoiceprintRow, VoiceRow
from tests.storage.people import keep, talk
from tests.storage.queries import counted_queries
from tests.storage.transcripts import MODEL, near, voice


@pytest.fixture
async def replica(database: Database, database_url: str) -> AsyncIterator[Database]:
    """A stand-in for another process on the same database: its own matrix in memory."""
    other = Database(database_url)
    yield other
    await other.dispose()


async def who(session: AsyncSession, vector: Vector, model: str = MODEL) -> int | None:
    (near,) = await references.neighbours(session, vector[None], model, 0.5)
    found = matching.closest(near)
    return None if found is None else found.speaker_id


async def ask(database: Database, vector: Vector, model: str = MODEL) -> int | None:
    async with database.session() as session:
        return await who(session, vector, model)


async def add(database: Database, name: str, vector: Vector, model: str = MODEL) -> int:
    async with database.session() as session:
        speaker = Speaker(name=name)
        session.add(speaker)
        await session.flush()
        session.add(VoiceprintRow(speaker_id=speaker.id, vector=vector, model=model, source="enrolled"))
        return speaker.id


async def test_every_replica_knows_what_any_of_them_learned(database: Database, replica: Database) -> None:
    assert await ask(database, voice(1)) is None
    assert await ask(replica, voice(1)) is None
    ada = await add(replica, "Ada", voice(1))
    assert await ask(database, voice(1)) == ada
    bob = await add(database, "Bob", voice(2))
    assert await ask(replica, voice(2)) == bob
    async with replica.session() as session:
        await session.execute(delete(Speaker).where(Speaker.id == ada))
        await session.execute(update(VoiceprintRow).values(vector=voice(3)))
    assert await ask(database, voice(1)) is None
    assert await ask(database, voice(2)) is None
    assert await ask(database, voice(3)) == bob


async def test_what_was_rolled_back_was_never_known(database: Database, replica: Database) -> None:
    ada = await add(database, "Ada", voice(1))
    assert await ask(database, voice(1)) == ada

    async def try_in_vain() -> None:
        async with database.session() as session:
            session.add(VoiceprintRow(speaker_id=ada, vector=voice(2), model=MODEL, source="enrolled"))
            await session.execute(update(VoiceprintRow).where(VoiceprintRow.speaker_id == ada).values(vector=voice(2)))
            await session.flush()
            assert (await who(session, voice(1)), await who(session, voice(2))) == (None, ada)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await try_in_vain()
    for database_ in (database, replica):
        assert (await ask(database_, voice(1)), await ask(database_, voice(2))) == (ada, None)


async def test_a_transaction_that_began_earlier_and_ended_later_is_not_missed(database: Database, replica: Database) -> None:
    """Transactions are numbered in another order than that in which they end."""
    ada = await add(database, "Ada", voice(9))
    async with replica.session() as early:
        early.add(VoiceprintRow(speaker_id=ada, vector=voice(1), model=MODEL, source="enrolled"))
        await early.flush()
        bob = await add(database, "Bob", voice(2))
        assert (await ask(database, voice(1)), await ask(database, voice(2))) == (None, bob)
    assert await ask(database, voice(1)) == ada


async def test_what_a_conversation_taught_is_forgotten_with_it(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)]))
    assert await ask(database, near(voice(1), 0.8)) is not None
    async with database.session() as session:
        await session.execute(update(ParticipantRow).values(enrolled=False))
    assert await ask(database, voice(1)) is None
    async with database.session() as session:
        await session.execute(update(ParticipantRow).values(enrolled=True))
    assert await ask(database, voice(1)) is not None
    async with database.session() as session:
        await session.execute(delete(Conversation).where(Conversation.id == conversation))
    assert await ask(database, voice(1)) is None


async def test_the_voice_of_an_emotion_counts_from_three_corrections_on(database: Database) -> None:
    ada = await add(database, "Ada", voice(1))
    async with database.session() as session:
        profile = EmotionProfile(
            speaker_id=ada,
            emotion_category="angry",
            vector=voice(5, 1024),
            model="emotion",
            sample_count=3,
            voice_vector=voice(2),
            voice_model=MODEL,
            voice_sample_count=2,
        )
        session.add(profile)
    assert await ask(database, voice(2)) is None
    async with database.session() as session:
        await session.execute(update(EmotionProfile).values(voice_sample_count=3))
    assert await ask(database, voice(2)) == ada


async def test_models_and_dimensions_are_kept_apart(database: Database) -> None:
    ada, bob = await add(database, "Ada", voice(1)), await add(database, "Bob", voice(1), "another")
    cleo = await add(database, "Cleo", voice(1, 192))
    assert [await ask(database, voice(1)), await ask(database, voice(1), "another")] == [ada, bob]
    assert await ask(database, voice(1, 192)) == cleo
    async with database.session() as session:
        await session.execute(update(VoiceprintRow).where(VoiceprintRow.speaker_id == bob).values(model=MODEL, vector=voice(2)))
    assert [await ask(database, voice(2)), await ask(database, voice(1), "another")] == [bob, None]


async def test_after_a_merge_no_vector_is_read_again(database: Database) -> None:
    """A merge gives a voice another speaker."""
    ada, former = await add(database, "Ada", voice(1)), await add(database, "Unknown", voice(2))
    assert await ask(database, voice(2)) == former
    assert await ask(database, voice(2)) == former  # what was not settled at the first time is now
    async with database.session() as session:
        await session.execute(update(VoiceRow).where(VoiceRow.id == former).values(speaker_id=ada))
    with counted_queries(database) as queries:
        assert await ask(database, voice(2)) == ada
    assert [query for query in queries if "vector_send" in query] == []


async def test_numbers_of_another_server_do_no_harm(database: Database) -> None:
    """A dump contains the log of its server, with other transaction numbers."""
    ada = await add(database, "Ada", voice(1))
    async with database.session() as session:
        await session.execute(text("UPDATE reference_changes SET xact = 1::bigint << 60"))
    assert await ask(database, voice(1)) == ada
    bob = await add(database, "Bob", voice(2))
    assert await ask(database, voice(2)) == bob


async def test_old_entries_of_the_log_are_not_needed(
    database: Database, replica: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that did not compare for longer than entries are kept reads all references anew."""
    ada = await add(database, "Ada", voice(1))
    assert await ask(replica, voice(1)) == ada
    await add(database, "Bob", voice(2))
    async with database.session() as session:
        await references.forget_old(session)
        assert await session.scalar(text("SELECT count(*) FROM reference_changes")) == 2
        await session.execute(text("UPDATE reference_changes SET changed_at = now() - interval '8 days'"))
        await references.forget_old(session)
        assert await session.scalar(text("SELECT count(*) FROM reference_changes")) == 0
    assert await ask(replica, voice(2)) is None  # what happens without a limit
    monkeypatch.setattr(references, "MAX_IDLE_S", -1.0)
    assert await ask(replica, voice(2)) is not None


async def test_at_random_every_process_agrees_with_the_database(database: Database, replica: Database) -> None:
    """The matrix and a query over all references agree, while two processes change references and roll back."""
    dice = random.Random(7)
    pool = [voice(seed) for seed in range(12)]
    people = [await add(database, f"Speaker {i}", vector) for i, vector in enumerate(pool[:3])]

    async def change(session: AsyncSession) -> None:
        rows = (await session.scalars(select(VoiceprintRow.id))).all()
        row = VoiceprintRow.id == dice.choice(rows) if rows else VoiceprintRow.id == 0
        act = dice.randrange(4)
        if act == 0:
            vector, owner = dice.choice(pool), dice.choice(people)
            session.add(VoiceprintRow(speaker_id=owner, vector=vector, model=MODEL, source="enrolled"))
            await session.flush()
        elif act == 1:
            await session.execute(delete(VoiceprintRow).where(row))
        elif act == 2:
            await session.execute(update(VoiceprintRow).where(row).values(speaker_id=dice.choice(people)))
        else:
            await session.execute(update(VoiceprintRow).where(row).values(model=dice.choice([MODEL, "another"])))

    async def truth(session: AsyncSession) -> list[set[int]]:
        rows = (await session.execute(select(VoiceprintRow).where(VoiceprintRow.model == MODEL))).scalars().all()
        return [{row.speaker_id for row in rows if np.array_equal(row.vector, vector)} for vector in pool]

    async def agree(session: AsyncSession) -> None:
        found = await references.neighbours(session, np.stack(pool), MODEL, 0.99)
        assert [set(near) for near in found] == await truth(session)

    async def work(mine: Database) -> None:
        for _ in range(25):
            try:
                async with mine.session() as session:
                    await speakers.lock(session)
                    await agree(session)
                    await change(session)
                    await agree(session)
                    if dice.random() < 0.3:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                pass

    await asyncio.gather(work(database), work(replica), work(database))
    for mine in (database, replica):
        async with mine.session() as session:
            await agree(session)
