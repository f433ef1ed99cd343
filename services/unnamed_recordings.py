"""Delete recordings from the audio store if their conversations could not be stored.

An error does not prove that: PostgreSQL may have committed, or may be committing, when the connection breaks or the task is
cancelled. So the file is deleted only if no conversation names it. Where that cannot be read the file is kept: a recording
without a conversation is better than a conversation without its recording.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipeline.concurrency import run_to_end
from storage.audio import AudioStore
from storage.conversations import audio_keys
from storage.postgres.database import FAILURES, Database

logger = logging.getLogger("ray.serve")

DATABASE_TIMEOUT_S = 5.0
"""How long a database that does not answer is tried again: a client, or the end of the program, waits for it."""
UNANSWERED: tuple[type[Exception], ...] = (OSError, *FAILURES)
"""Errors of the audio store and of the database."""


@asynccontextmanager
async def deleted_unless_named(database: Database, store: AudioStore, key: str | None) -> AsyncIterator[None]:
    """Around the transaction that stores `key`: if the block raises, the file is deleted unless a conversation names it.

    This is done also if the task is cancelled. With None there is no file.
    """
    try:
        yield
    except BaseException:
        if key is not None:
            await run_to_end(_delete_unless_named(database, store, key))
        raise


async def _delete_unless_named(database: Database, store: AudioStore, key: str) -> None:
    try:
        if not await database.persist(lambda session: audio_keys.is_named(session, key), DATABASE_TIMEOUT_S):
            await store.delete(key)
    except UNANSWERED as error:
        logger.warning("The recording %s stays in the audio store, perhaps without a conversation: %s", key, error)
