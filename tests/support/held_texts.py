"""A text embedder that stops after some calls, until a test lets it continue: what is seen while an archive is embedded."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
from sqlalchemy import func, select

from pipeline.types import TextVectors
from services.search.indexer import PROBE
from storage.postgres.database import Database
from storage.tables import SegmentVector

DIMENSION = 8


class HeldTexts:
    """All texts have the same vector."""

    def __init__(self, calls: int, model: str = "held-sentences") -> None:
        self.model = model
        self.goes_on = threading.Event()
        """Set it from any thread."""
        self._left = calls

    async def embed_query(self, text: str) -> TextVectors:
        return self._vectors(1)

    async def embed_passages(self, texts: Sequence[str]) -> TextVectors:
        if list(texts) != [PROBE]:
            self._left -= 1
            while self._left < 0 and not self.goes_on.is_set():  # noqa: ASYNC110  # set by another thread
                await asyncio.sleep(0.02)
        return self._vectors(len(texts))

    def _vectors(self, count: int) -> TextVectors:
        return TextVectors(np.full((count, DIMENSION), DIMENSION**-0.5, np.float32), self.model)


async def until_embedded(database: Database, model: str, segments: int) -> None:
    """Wait until so many segments have a vector of the model."""
    number = select(func.count()).select_from(SegmentVector).where(SegmentVector.model == model)
    async with asyncio.timeout(120):
        while True:
            async with database.session() as session:
                if await session.scalar(number) == segments:
                    return
            await asyncio.sleep(0.02)
