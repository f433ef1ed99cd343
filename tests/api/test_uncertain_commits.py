"""Recordings with a transaction that fails for the program, and may be committed in PostgreSQL all the same."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.process import Options
from pipeline.stages import Stages
from services import unnamed_recordings
from services.archive.legacy_import import LegacyImport
from services.context import AppContext
from services.identity import live_segments
from services.live.client_messages import StartMessage
from services.unnamed_recordings import deleted_unless_named
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import audio_keys, live_recordings
from storage.legacy.sqlite_file import LegacyFile
from storage.postgres.database import Database
from storage.tables import Conversation
from tests.storage.legacy_database import fill
from tests.storage.transcripts import MODEL
from tests.storage.waiting import WAITING, await_lock_waiter
from tests.support.application import connected
from tests.support.fixed_stages import FixedStages, sound
from tests.support.ports import free_port

SECOND = np.zeros(16_000, np.float32).tobytes()

Store = Callable[[AppContext, Path], Coroutine[Any, Any, object]]
"""Stores one recording."""


@pytest.fixture
async def context(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[AppContext]:
    fixed = FixedStages()
    settings = Settings(data_path=tmp_path / "data", speaker_threshold=0.5)
    stages = Stages(fixed, fixed, fixed, fixed)
    async with connected(settings, database_url, tmp_path / "store", stages, MODEL) as context:
        yield context


async def upload(context: AppContext, _directory: Path) -> object:
    return await context.recordings.accept(io.BytesIO(sound()), "talk.wav", Options())


async def record(context: AppContext, _directory: Path) -> object:
    session = await context.live.start(StartMessage(sample_rate=16_000), lambda _message: None)
    await session.feed(SECOND)
    finishing = context.live._tasks.spawn(context.live._finish(session))
    try:
        return await asyncio.shield(finishing)
    except asyncio.CancelledError:  # as when the program stops
        await context.live._tasks.cancel()
        raise


async def import_one(context: AppContext, directory: Path) -> object:
    audio = directory / "data" / "recordings"
    audio.mkdir(parents=True, exist_ok=True)
    (audio / "conv_7_full.wav").write_bytes(sound())
    with LegacyFile(fill(directory / "speakers.db")) as file:
        importer = LegacyImport(context.settings, context.database, context.store, file, audio.parent, FixedStages(), MODEL)
        return await importer.run(lambda _done, _total: None)


STORES = pytest.mark.parametrize("store", [upload, record, import_one])


@asynccontextmanager
async def at_commit(database: Database, statement: str) -> AsyncIterator[None]:
    """PostgreSQL executes `statement` in each COMMIT of a transaction that stores the key of a recording."""
    async with database.session() as session:
        await session.execute(
            text(f"CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NULL; END $$")
        )
        await session.execute(
            text(
                "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE OF audio_key ON conversations DEFERRABLE INITIALLY "
                "DEFERRED FOR EACH ROW WHEN (NEW.audio_key IS NOT NULL) EXECUTE FUNCTION at_commit()"
            )
        )
    try:
        yield
    finally:
        async with database.session() as session:
            await session.execute(text("DROP FUNCTION at_commit CASCADE"))


@asynccontextmanager
async def commits_held(database: Database) -> AsyncIterator[AsyncSession]:
    """Each such COMMIT lasts until the block ends. Yields a transaction in which PostgreSQL can be observed."""
    async with at_commit(database, "PERFORM pg_advisory_xact_lock(1, 2)"), database.session() as guard:
        await guard.execute(select(func.pg_advisory_xact_lock(1, 2)))
        yield guard


async def kept(database: Database, store: AudioStore) -> list[bool]:
    """Of each recording that a conversation names, whether it is in the audio store."""
    async with database.session() as session:
        keys = await session.scalars(select(Conversation.audio_key).where(Conversation.audio_key.is_not(None)))
    return [await store.exists(key) for key in keys if key is not None]


def files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "store").glob("*"))


@STORES
async def test_a_recording_is_kept_where_its_task_is_cancelled_in_the_commit(
    context: AppContext, database: Database, tmp_path: Path, store: Store
) -> None:
    async with commits_held(database) as guard:
        storing = asyncio.create_task(store(context, tmp_path))
        await await_lock_waiter(guard)
        storing.cancel()
        await asyncio.wait([storing], timeout=0)
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert await kept(database, context.store) == [True]


@STORES
async def test_a_recording_is_kept_where_the_connection_is_lost_in_the_commit(
    context: AppContext, database: Database, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes on with the commit, while the program looks whether it was done."""
    monkeypatch.setattr(audio_keys, "LOCK_TIMEOUT", "600s")
    committing: list[Any] = []

    def remember(connection: Connection) -> None:
        committing.append(connection.connection.driver_connection)

    event.listen(context.database.engine.sync_engine, "commit", remember)
    async with commits_held(database) as guard:
        storing = asyncio.create_task(store(context, tmp_path))
        await await_lock_waiter(guard)
        committing[-1].terminate()
        while not storing.done() and await guard.scalar(text(WAITING)) != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises(Exception, match="connection"):
        await storing
    assert await kept(database, context.store) == [True]


@STORES
async def test_a_recording_is_deleted_where_its_transaction_is_rolled_back(
    context: AppContext, database: Database, tmp_path: Path, store: Store
) -> None:
    async with at_commit(database, "RAISE EXCEPTION 'refused'"):
        with pytest.raises(Exception, match="refused"):
            await store(context, tmp_path)
    assert files(tmp_path) == []


async def test_a_recording_is_kept_where_the_database_does_not_say_whether_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unnamed_recordings, "DATABASE_TIMEOUT_S", 0.0)
    store, away = AudioStore(str(tmp_path / "store")), Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    (tmp_path / "talk.flac").write_bytes(b"fLaC")
    key = await store.put(tmp_path / "talk.flac", ".flac")
    with pytest.raises(RuntimeError, match="broken"):
        async with deleted_unless_named(away, store, key):
            raise RuntimeError("broken")
    assert await store.exists(key)


async def test_a_live_recording_is_kept_where_the_program_has_an_error(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KeyError is a LookupError, which also says that the conversation was erased."""

    async def fail(*_: object) -> None:
        raise KeyError("turns")

    monkeypatch.setattr(live_segments, "finish", fail)
    with pytest.raises(KeyError):
        await record(context, tmp_path)
    assert len(list((tmp_path / "data").rglob("*.pcm"))) == 1


@pytest.mark.parametrize("stored", [True, False])
async def test_the_last_copy_of_a_live_recording_is_not_discarded(
    context: AppContext, database: Database, tmp_path: Path, stored: bool
) -> None:
    """The program ended after the commit, and before it deleted the file that was recorded."""
    uuid = uuid4()
    path = context.live._spools.file(uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(32_000))
    (tmp_path / "talk.flac").write_bytes(b"fLaC")
    key = await context.store.put(tmp_path / "talk.flac", ".flac")
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid, None, "flac", None)
        await live_recordings.set_audio(session, id_, key)
        (await session.get_one(Conversation, id_)).status = "completed"
    if not stored:
        await context.store.delete(key)
    for _ in range(2):  # the file is free again
        assert await context.live._opener.take_over(path, StartMessage(), lambda _message: None) is None
        assert path.exists() is not stored
