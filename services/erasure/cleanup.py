"""Remove what erased rows leave: recordings in the audio store, and bytes in the files of the database."""

import logging

from storage.audio import AudioStore
from storage.erasure import pending, space
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

MAX_FILES = 1000
"""Recordings removed in one call."""
FILES_LEFT = "{} recording(s) could not be deleted yet, as the server's log says; this is tried again."
SPACE_LEFT = "Bytes of the deleted rows are still in the database's files, as {}; removing them is tried again."


class Cleanup:
    def __init__(self, database: Database, store: AudioStore) -> None:
        self._database = database
        self._store = store

    async def remove_all(self) -> list[str]:
        """Remove files and space; returns sentences about what is left."""
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
