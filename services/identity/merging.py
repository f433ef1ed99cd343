"""Making one speaker of two."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from services.identity.emotion_refresh import follow, profiled
from services.identity.speaker_changes import SpeakerChange
from storage.speakers import speakers
from storage.tables import EmotionProfile


async def merge(edit: SpeakerChange, policy: IdentityPolicy, source: int, target: int, *, enrolled: bool = True) -> list[int]:
    """All that was `source` is `target` from now on; returns the participants that changed hands.

    With `enrolled` false what `source` was known by is no reference of `target`. Emotion profiles become those of all their
    segments together; thresholds that were set for `target` stay. Raises SpeakerNotFoundError.
    """
    session = edit.session
    learned = await profiled(session, source, target)
    names = [await speakers.name_of(session, who) for who in (source, target)]
    if learned:
        await edit.note_profiles(source)  # put back last, when the rows that `target` took over are out of the way
        await edit.note_profiles(target)
        await _join_profiles(session, source, target)
    moved = await edit.give(source, target)
    if enrolled:
        await edit.give_samples(source, target)
    else:
        await edit.enroll(moved, enrolled=False)
    await edit.remove([source])
    edit.merged.append((source, target))
    edit.notes.append(" is ".join(names))
    if learned:
        await follow(session, policy, {target}, moved)
    return list(moved)


async def _join_profiles(session: AsyncSession, source: int, target: int) -> None:
    """What a backup brought of both is kept; what segments say is made anew afterwards."""
    mine = {row.emotion_category: row for row in await _profiles(session, target)}
    for row in await _profiles(session, source):
        own = mine.get(row.emotion_category)
        if own is None:
            await session.execute(update(EmotionProfile).where(EmotionProfile.id == row.id).values(speaker_id=target))
            continue
        values = _joined(own, row, "imported_vector", "imported_count", "model")
        values |= _joined(own, row, "imported_voice_vector", "imported_voice_count", "voice_model")
        if values:
            await session.execute(update(EmotionProfile).where(EmotionProfile.id == own.id).values(values))


async def _profiles(session: AsyncSession, speaker_id: int) -> list[Any]:
    table = EmotionProfile.__table__
    return list((await session.execute(select(table).where(table.c.speaker_id == speaker_id))).all())


def _joined(own: Any, other: Any, vector: str, count: str, model: str) -> dict[str, Any]:
    """The mean of two imported means, by their numbers of samples; where models differ, that of `own`."""
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
