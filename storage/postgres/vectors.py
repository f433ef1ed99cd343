"""The column type for vectors. pgvector's codec for asyncpg transfers them in binary, which is ten times faster than text."""

from collections.abc import Callable

import numpy as np
import pgvector
from asyncpg import Connection
from pgvector.asyncpg import register_vector
from pgvector.sqlalchemy import HALFVEC, VECTOR

from pipeline.types import Vector


class Embedding(VECTOR):
    """A vector column of any dimension, since models differ; a column beside it holds the name of the model.

    Values are float32 arrays of shape (dimension,).
    """

    cache_ok = True

    def bind_processor(self, dialect: object) -> None:
        """None: the codec takes arrays as they are. pgvector's own processor converts them to text."""

    def result_processor(self, dialect: object, coltype: object) -> Callable[[pgvector.Vector | None], Vector | None]:
        return lambda value: None if value is None else value.to_numpy()


class HalfEmbedding(HALFVEC):
    """The same in float16, half the size: for vectors that are only compared. pgvector indexes at most 4,000 dimensions."""

    cache_ok = True

    def bind_processor(self, dialect: object) -> None:
        """None: the codec takes arrays as they are."""

    def result_processor(self, dialect: object, coltype: object) -> Callable[[pgvector.HalfVector | None], Vector | None]:
        return lambda value: None if value is None else value.to_numpy().astype(np.float32)


async def register(connection: Connection) -> None:
    """Register the codec on a connection, for whichever schema holds the extension; nothing where there is no extension yet."""
    schema = await connection.fetchval("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
    if schema is not None:
        await register_vector(connection, schema=schema)
