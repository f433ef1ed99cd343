"""What an erasure has left to do after its transaction."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base

REMOVALS = ("file", "space")


class PendingRemoval(Base):
    """Work that is left after the rows of something erased are deleted: it is repeated until it succeeds.

    `file`: a recording in the audio store, with its key in `key`. `space`: the places in the tables where deleted rows were.
    """

    __tablename__ = "pending_removals"
    __table_args__ = (
        CheckConstraint(f"kind IN {REMOVALS}", name="kind"),
        CheckConstraint("(kind = 'file') = (key IS NOT NULL)", name="key"),
        UniqueConstraint("key"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
