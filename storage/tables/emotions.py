"""What corrections teach about the emotions of speakers."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.types import Vector
from storage.tables.base import Base, all_or_none, fraction


class EmotionProfile(Base):
    """The mean vectors of one speaker in one emotion, over segments with a corrected emotion and over imported samples.

    The `imported_…` columns are the means and sample counts of a restored backup: its segments are not stored here.
    """

    __tablename__ = "emotion_profiles"
    __table_args__ = (
        UniqueConstraint("speaker_id", "emotion_category"),
        all_or_none("voice_vector_model", "voice_vector", "voice_model"),
        CheckConstraint("sample_count > 0 AND voice_sample_count >= 0", name="counts"),
        fraction("confidence_threshold"),
        fraction("voice_threshold"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    speaker_id: Mapped[int] = mapped_column(ForeignKey("speakers.id", ondelete="CASCADE"))
    emotion_category: Mapped[str]
    vector: Mapped[Vector]
    model: Mapped[str]
    sample_count: Mapped[int] = mapped_column(server_default=text("1"))
    confidence_threshold: Mapped[float | None]
    voice_vector: Mapped[Vector | None]
    voice_model: Mapped[str | None]
    voice_sample_count: Mapped[int] = mapped_column(server_default=text("0"))
    voice_threshold: Mapped[float | None]
    imported_vector: Mapped[Vector | None]
    imported_count: Mapped[int] = mapped_column(server_default=text("0"))
    imported_voice_vector: Mapped[Vector | None]
    imported_voice_count: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
