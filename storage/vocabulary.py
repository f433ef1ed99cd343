"""The hot words of the installation, and the names of speakers that are offered as such."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.hotwords import Vocabulary, as_hotword
from pipeline.names import key
from storage.speakers.speakers import UNKNOWN
from storage.tables import ParticipantRow, Speaker, VocabularyRow, VoiceRow

MAX_SPEAKER_NAMES = 50
"""Whisper has room for about 35 names of one word."""


@dataclass(frozen=True, slots=True)
class StoredVocabulary:
    hotwords: Sequence[str] = ()
    include_speaker_names: bool = False


async def stored(session: AsyncSession) -> StoredVocabulary:
    row = (await session.execute(select(VocabularyRow.hotwords, VocabularyRow.include_speaker_names))).one_or_none()
    return StoredVocabulary() if row is None else StoredVocabulary(*row)


async def replace(session: AsyncSession, new: StoredVocabulary) -> None:
    values = {"hotwords": list(new.hotwords), "include_speaker_names": new.include_speaker_names}
    row = insert(VocabularyRow).values(id=1, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))


async def read(session: AsyncSession, given: StoredVocabulary | None = None) -> Vocabulary:
    """The vocabulary for recordings: the stored settings, or those of `given`, with the names of the speakers."""
    found = given or await stored(session)
    names = await _speaker_names(session) if found.include_speaker_names else ()
    return Vocabulary(tuple(found.hotwords), tuple(names))


async def gone(session: AsyncSession, names: Collection[str]) -> set[str]:
    """Those of the names, as hot words, that no speaker has any more: the person may have been erased meanwhile."""
    if not names:
        return set()
    keys = {key(as_hotword(name)) for name in await session.scalars(select(Speaker.name))}
    return {name for name in names if key(name) not in keys}


async def _speaker_names(session: AsyncSession) -> Sequence[str]:
    """Names of known speakers, those in the most conversations first; known speakers without a conversation are last."""
    heard = func.count(ParticipantRow.conversation_id.distinct())
    found = (
        select(Speaker.name)
        .outerjoin(VoiceRow, VoiceRow.speaker_id == Speaker.id)
        .outerjoin(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
        .where(~Speaker.name.regexp_match(UNKNOWN))
        .group_by(Speaker.id)
        .order_by(heard.desc(), Speaker.id)
        .limit(MAX_SPEAKER_NAMES)
    )
    return (await session.scalars(found)).all()
