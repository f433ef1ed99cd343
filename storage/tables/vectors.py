"""Vectors of the texts of segments, for search by meaning, and the segments that wait for one.

Triggers fill the queue (migration 0033): whoever writes a text, it is embedded. A changed text loses its vectors at once.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.types import Vector
from storage.postgres.vectors import HalfEmbedding
from storage.tables.base import Base

_REVISIONS = Sequence("segments_to_embed_revision", metadata=Base.metadata)


class SegmentVector(Base):
    """`vector` is a `halfvec` of any dimension; `storage.search.vector_index` makes an index for each model."""

    __tablename__ = "segment_vectors"

    segment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[Vector] = mapped_column(HalfEmbedding())


class SegmentToEmbed(Base):
    __tablename__ = "segments_to_embed"

    segment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, server_default=_REVISIONS.next_value())
    """Another one with each change of the text: a vector is stored only for the revision that was embedded."""
    claimed_until: Mapped[datetime | None]
    """When another process may take it."""
