"""Remove what erased rows leave: recordings in the audio store, and bytes in the files of the database."""

import asyncio
import logging

from services.runtime import Runtime
from storage.audio import AudioStore
from storage.erasure import pending, space
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

MAX_FILES = 1000
"""Recordings removed in one call."""
FILES_LEFT = "{} recording(s) could not be deleted yet, as the server's log says; this is tried again."
CLOSE_TIMEOUT_S = 10.0
"""How long `close` waits for the indexes that a removal builds at its end; the next start of the program builds the others."""
SPACE_LEFT = "Bytes of the deleted rows are still in the database's files, as {}; removing them is tried again."


class Cleanup:
    """Removes until `close`."""

    def __init__(self, database: Database, store: AudioStore, runtime: Runtime) -> None:
        self._database = database
        self._store = store
        self._runtime = runtime
        self._removals: set[asyncio.Task[list[str]]] = set()

    async def close(self) -> None:
        """Break off the removals; another process, or the next start of the program, repeats them."""
        while removals := set(self._removals):
            for removal in removals:
                removal.cancel()  # the second time this also breaks off the building of indexes
            await asyncio.wait(removals, timeout=CLOSE_TIMEOUT_S)

    async def remove_all(self) -> list[str]:
        """Remove files and space; returns sentences about what is left.

        This goes on where the caller is cancelled, as it is where its client closes the connection.
        """
        context = self._runtime.detached(self._runtime.request_id())
        removal = asyncio.create_task(self._remove_all(), context=context)
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        try:
            return await asyncio.shield(removal)
        except asyncio.CancelledError:
            removal.add_done_callback(_log_error)
            raise

    async def _remove_all(self) -> list[str]:
        return [*await self.remove_files(), *await self.remove_space()]

    async def remove_drafts(self) -> None:
        """Remove files that killed processes did not write to their ends."""
        await self._store.remove_drafts()

    async def remove_files(self) -> list[str]:
        """Remove the recordings that have no conversation any more; returns a sentence if some are left."""
        async with self._database.session() as session:
            keys = await pending.files(session, MAX_FILES)
        left = 0
        for key in keys:
            try:
                await self._store.delete(key)
            except Exception as error:
                logger.warning("The recording %s could not be deleted; this is tried again: %s", key, error)
                left += 1
            else:
                async with self._database.session() as session:
                    await pending.file_removed(session, key)
        return [FILES_LEFT.format(left)] if left else []

    async def remove_space(self) -> list[str]:
        """Remove the bytes of erased rows; returns a sentence if they are left."""
        try:
            await space.remove(self._database)
        except space.SpaceBusyError as error:
            return [SPACE_LEFT.format(str(error).rstrip(".").replace("A ", "a ", 1))]
        except Exception:
            logger.exception("The space of erased rows could not be removed; this is tried again")
            return [SPACE_LEFT.format("the server's log says")]
        return []


def _log_error(removal: asyncio.Task[list[str]]) -> None:
    if not removal.cancelled() and (error := removal.exception()):
        logger.error("What was erased could not be removed; this is tried again", exc_info=error)
