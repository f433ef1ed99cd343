"""Vectors on their way to and from the database, in pgvector's binary format: about a hundred times faster than its text."""

import struct

import numpy as np
from asyncpg import Connection
from pgvector.sqlalchemy import VECTOR

from pipeline.types import Vector


class Embedding(VECTOR):
    """A vector column of any dimension, since models differ; the model's name stands in a column beside it.

    Values are float32 arrays of shape (dimension,); the connection's codec does the work.
    """

    cache_ok = True

    def bind_processor(self, dialect: object) -> None:
        return None

    def result_processor(self, dialect: object, coltype: object) -> None:
        return None


def encode(vector: Vector) -> bytes:
    """Two bytes of dimension, two unused, then big-endian float32 (`vector_recv` in pgvector's source)."""
    return struct.pack(">HH", vector.shape[0], 0) + vector.astype(">f4").tobytes()


def decode(data: bytes) -> Vector:
    return np.frombuffer(data, dtype=">f4", offset=4).astype(np.float32)


async def register(connection: Connection) -> None:
    """Teach an asyncpg connection the type `vector`, in whichever schema the extension lives."""
    schema = await connection.fetchval("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
    if schema is not None:
        await connection.set_type_codec("vector", schema=schema, encoder=encode, decoder=decode, format="binary")
