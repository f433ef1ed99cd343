"""The hot words of the installation."""

from sqlalchemy import ARRAY, CheckConstraint, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class VocabularyRow(Base):
    """The only row; there is none until the vocabulary is set."""

    __tablename__ = "vocabulary"
    __table_args__ = (CheckConstraint("id = 1", name="only_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, server_default=text("1"))
    hotwords: Mapped[list[str]] = mapped_column(ARRAY(Text))
    include_speaker_names: Mapped[bool] = mapped_column(server_default=false())
