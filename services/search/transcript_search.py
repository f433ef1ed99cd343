"""One ranking of segments: those that have the words of the query first, then those that mean the same.

Measured on mixed queries this finds more than a fusion of both ranks: common words would bring noise to the front
(docs/measurements.md).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from pipeline.search.interpretation import OPERATORS
from pipeline.stages import TextEmbedder, TextsNotEmbeddedError
from pipeline.types import TextVectors
from services.search.coverage import Coverage, CoverageCounts
from services.search.understanding import Recognized, Understood, understand
from storage.postgres.database import Database
from storage.search import search
from storage.search.nearest import Neighbour, nearest
from storage.search.search import Filters, Order, Ranked, SearchHit

logger = logging.getLogger("ray.serve")

Mode = Literal["auto", "words", "meaning"]
"""`auto`: words, then meaning, unless the query has operators or another order than by relevance."""

EMBEDDING_TIMEOUT_S = 3.0
"""After which the answer has words only."""
NOT_NOW = "Search by meaning does not answer now, so these are the hits by words: try again."
NO_MODEL = "This installation has no model for search by meaning, so these are the hits by words."
CUT = "The query is longer than the model reads: its end counts for words only."

NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Query:
    text: str = ""
    filters: Filters = NO_FILTERS
    mode: Mode = "auto"
    order: Order = "relevance"
    interpret: bool = True
    """Times and people in the text are filters."""
    zone: tzinfo | None = None
    """Of the times; None for the server's."""
    grouped: bool = False
    """The hits of a conversation follow each other; conversations in the order of their best hits."""
    skip: int = 0
    limit: int = 20

    @property
    def by_meaning(self) -> bool:
        if self.mode != "auto":
            return self.mode == "meaning" and bool(self.text.strip())
        return bool(self.text.strip()) and self.order == "relevance" and not OPERATORS.search(self.text)


@dataclass(frozen=True, slots=True)
class Found:
    hits: Sequence[SearchHit]
    total: int
    exact: bool
    """Whether `total` are all."""
    words: str
    """What was searched for, without what was recognized as filters."""
    recognized: Sequence[Recognized] = ()
    note: str | None = None
    """What the search could not do, and why."""
    coverage: Coverage | None = None
    """Of the search by meaning, where it is incomplete."""


class TranscriptSearch:
    def __init__(self, database: Database, embedder: TextEmbedder | None) -> None:
        self._database, self._embedder = database, embedder
        self.coverage = CoverageCounts(database)

    async def search(self, viewer: Principal, query: Query) -> Found:
        """Raises SearchError where it takes too long."""
        meant = Understood(query.text, query.filters)
        if query.by_meaning and query.interpret:
            meant = await understand(self._database, query.text, query.filters, query.zone)
        vector, note = await self._embedded(query.mode, meant.words) if query.by_meaning and meant.words else (None, None)
        async with self._database.session() as session, search.in_time(session):
            words, near = await self._ranked(session, viewer, query, meant, vector)
            similarities = {found.segment_id: found.similarity for found in near}
            ids = list(dict.fromkeys([*words.ids, *similarities]))
            if query.grouped:
                ids = await search.grouped(session, ids)
            hits = await search.read(session, ids[query.skip : query.skip + query.limit], meant.words or query.text)
        by_words = set(words.ids) if meant.words.strip() else set()
        told = [_told(hit, hit.id in by_words, similarities.get(hit.id)) for hit in hits]
        coverage = None if vector is None else await self.coverage.incomplete(vector.model)
        return Found(told, len(ids), words.exact, meant.words, meant.recognized, note, coverage)

    async def _ranked(
        self, session: AsyncSession, viewer: Principal, query: Query, meant: Understood, vector: TextVectors | None
    ) -> tuple[Ranked, list[Neighbour]]:
        """By words: the query as it is written, then what is meant, with its filters. And by meaning."""
        near = [] if vector is None else await nearest(session, viewer, vector, meant.filters)
        if query.mode == "meaning" and vector is not None:
            return Ranked((), True), near
        literal = await search.rank(session, viewer, query.text, query.filters, query.order)
        if not meant.recognized and meant.words == query.text:
            return literal, near
        meant_words = await search.rank(session, viewer, meant.words, meant.filters, query.order)
        both = list(dict.fromkeys([*literal.ids, *meant_words.ids]))
        return Ranked(both[: search.MAX_HITS], literal.exact and meant_words.exact and len(both) <= search.MAX_HITS), near

    async def _embedded(self, mode: Mode, words: str) -> tuple[TextVectors | None, str | None]:
        """The vector of the query, and a note for the client."""
        if self._embedder is None:
            return None, NO_MODEL if mode == "meaning" else None
        try:
            async with asyncio.timeout(EMBEDDING_TIMEOUT_S):
                vector = await self._embedder.embed_query(words)
        except TextsNotEmbeddedError as error:
            return None, str(error)
        except Exception as error:
            logger.warning("A query could not be embedded: %s", error)
            return None, NOT_NOW
        return vector, CUT if vector.cut else None


def _told(hit: SearchHit, by_words: bool, similarity: float | None) -> SearchHit:
    if by_words:
        return replace(hit, matched="words", similarity=similarity)
    return hit if similarity is None else replace(hit, matched="meaning", similarity=similarity)
