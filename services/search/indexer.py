"""Embed the texts of segments after they are stored: new and edited ones, and an archive from before, or of another model.

One queue for all (`storage.search.pending_vectors`). Any number of processes take from it; one that dies delays what it has
claimed by two minutes.
"""

import asyncio
import logging

from pipeline.stages import TextEmbedder, TextsNotEmbeddedError
from pipeline.types import TextVectors
from services.runtime import Runtime
from storage.events.notifications import Notifications
from storage.postgres.database import FAILURES, Database
from storage.postgres.page_cache import read_ahead
from storage.search import pending_vectors, vector_index
from storage.tables import SegmentRow, SegmentVector

logger = logging.getLogger("ray.serve")

BATCH = 32
"""Texts of a call: a third of a second on a core of a CPU."""
POLL_INTERVAL_S = 10.0
"""How often the queue is read without a notification: for what a process claimed that has died."""
RETRY_DELAY_S = 5.0
READ_AHEAD = (SegmentVector.__tablename__, SegmentRow.__tablename__)
EXAMINED_AT_ONCE = 5_000
"""Segments of an archive in one transaction."""
PROBE = "."


class Indexer:
    """Works from `start` until `close`."""

    def __init__(
        self, database: Database, notifications: Notifications, embedder: TextEmbedder | None, runtime: Runtime
    ) -> None:
        self._database, self._notifications, self._embedder = database, notifications, embedder
        self._runtime = runtime
        self._model = ""
        """The model that has an index, and whose missing vectors are in the queue."""
        self._dimension = 0
        self._task: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._upkeep: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._embedder is not None:
            self._task = asyncio.create_task(self._work(self._embedder), context=self._runtime.detached(""))
            self._reading = asyncio.create_task(self._read_ahead(), context=self._runtime.detached(""))

    async def close(self) -> None:
        tasks = [task for task in (self._task, self._reading, self._upkeep) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_ahead(self) -> None:
        """Of a million segments, the first search after the start of a machine takes 0.5 s instead of 4.6 s."""
        try:
            async with self._database.session() as session:
                await read_ahead(session, READ_AHEAD)
        except Exception as error:  # the database is away
            logger.warning("The vectors of texts were not read ahead, so that first searches are slow: %s", error)

    async def _work(self, embedder: TextEmbedder) -> None:
        refused = ""
        while True:
            self._notifications.texts.clear()
            try:
                more = await self._step(embedder)
                refused = ""
            except TextsNotEmbeddedError as error:
                if str(error) != refused:  # once, not at each attempt
                    logger.warning(refused := str(error))
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            except Exception as error:  # the database or the stage is away; the queue is still there when they are back
                logger.warning("Texts could not be embedded; this is tried again: %s", error)
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            if not more:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._notifications.texts.wait()
        except TimeoutError:
            pass

    async def _step(self, embedder: TextEmbedder) -> bool:
        """Embed some texts. Returns whether there may be more."""
        if not self._model:
            await self._prepare(await embedder.embed_passages([PROBE]))
        async with self._database.session() as session:
            claimed = await pending_vectors.claim(session, BATCH)
        if not claimed:
            if self._upkeep is None or self._upkeep.done():
                # A task: in a large archive an index is built for minutes, in which new texts are embedded.
                self._upkeep = asyncio.create_task(self._keep_up_index())
            return False
        try:
            found = await embedder.embed_passages([item.text for item in claimed])
            if found.model != self._model:
                await self._prepare(found)
            async with self._database.session() as session:
                await pending_vectors.store(session, claimed, found)
        except BaseException:
            async with self._database.session() as session:
                await pending_vectors.release(session, claimed)
            raise
        return True

    async def _prepare(self, example: TextVectors) -> None:
        """Queue all segments without a vector of the model, and make its index, which says that they are in the queue."""
        dimension = example.vectors.shape[1]
        if self._upkeep is not None:  # it would remove this model's vectors for its own
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
        await self._add_missing(example.model)
        async with self._database.session() as session:
            if not await vector_index.is_begun(session, example.model):
                await vector_index.ensure(session, example.model, dimension)
        self._model, self._dimension = example.model, dimension

    async def _add_missing(self, model: str) -> None:
        after: int | None = 0
        while after is not None:
            try:
                async with self._database.session() as session:
                    after = await pending_vectors.add_missing(session, model, after, EXAMINED_AT_ONCE)
            except FAILURES as error:  # an edit holds a row that it needs
                if not pending_vectors.is_locked(error):
                    raise
                await asyncio.sleep(RETRY_DELAY_S)

    async def _keep_up_index(self) -> None:
        try:
            await vector_index.restore(self._database, self._model, self._dimension)
            await self._remove_other_models()
        except Exception as error:  # the database is away
            logger.warning("The index of search by meaning could not be kept up; this is tried again: %s", error)

    async def _remove_other_models(self) -> None:
        """Once all segments have a vector of this model: what others have made is not read any more."""
        async with self._database.session() as session:
            others = await vector_index.others(session, self._model, self._dimension)
            if not others or await pending_vectors.count(session):
                return
        removed = vector_index.REMOVED_AT_ONCE
        while removed == vector_index.REMOVED_AT_ONCE:
            async with self._database.session() as session:
                removed = await vector_index.remove_some(session, self._model)
        async with self._database.session() as session:
            await vector_index.drop_others(session, self._model, self._dimension)
