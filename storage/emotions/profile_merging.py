"""Merge the emotion profiles of two speakers that are the same person."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import EmotionProfile


async def merge_imported(session: AsyncSession, source: int, target: int) -> None:
    """Merge the imported profiles of both speakers into `target`. The caller then recomputes them (`emotions.recompute`)."""
    mine = {row.emotion_category: row for row in await _profiles(session, target)}
    for row in await _profiles(session, source):
        own = mine.get(row.emotion_category)
        if own is None:
            await session.execute(update(EmotionProfile).where(EmotionProfile.id == row.id).values(speaker_id=target))
            continue
        values = _merged_mean(own, row, "imported_vector", "imported_count", "model")
        values |= _merged_mean(own, row, "imported_voice_vector", "imported_voice_count", "voice_model")
        if values:
            await session.execute(update(EmotionProfile).where(EmotionProfile.id == own.id).values(values))


async def _profiles(session: AsyncSession, speaker_id: int) -> list[Any]:
    table = EmotionProfile.__table__
    return list((await session.execute(select(table).where(table.c.speaker_id == speaker_id))).all())


def _merged_mean(own: Any, other: Any, vector: str, count: str, model: str) -> dict[str, Any]:
    """The mean of two imported means, weighted by their numbers of samples; where models differ, that of `own`."""
    mine, theirs = getattr(own, count), getattr(other, count)
    if not theirs:
        return {}
    if not mine:
        imported = getattr(other, vector)
        return {vector: imported, vector.removeprefix("imported_"): imported, count: theirs, model: getattr(other, model)}
    if getattr(own, model) != getattr(other, model):
        return {}
    mean = (mine * getattr(own, vector) + theirs * getattr(other, vector)) / (mine + theirs)
    return {vector: mean, count: mine + theirs}
