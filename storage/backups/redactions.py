"""Remove a person or conversations from all profiles and checkpoints."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_conversation import WithoutConversations
from pipeline.formats.profile_person import WithoutPerson
from pipeline.formats.profile_reader import NotAProfileError, NotJsonError
from pipeline.formats.profile_redaction import Redaction, redact
from pipeline.identity.erased_person import ErasedPerson
from storage.tables import Backup

NO_UUID = '"conversation_uuid":null'
"""As a segment without the uuid of its conversation is stored."""


async def remove_conversations(session: AsyncSession, conversations: Mapping[UUID, int]) -> list[str]:
    """Rewrite the files that contain the conversations; returns the names of those deleted because they cannot be read.

    The caller holds `storage.speakers.speakers.lock`.
    """
    mentioned = or_(*(func.strpos(Backup.content, part) > 0 for part in (*map(str, conversations), NO_UUID)))
    return await _redact(session, mentioned, lambda: WithoutConversations(conversations))


async def remove_person(session: AsyncSession, person: ErasedPerson) -> list[str]:
    """Rewrite the files that contain the person; returns the names of those deleted because they cannot be read.

    The caller holds `storage.speakers.speakers.lock`.
    """
    return await _redact(session, true(), lambda: WithoutPerson(person))


async def _redact(session: AsyncSession, which: ColumnElement[bool], make: Callable[[], Redaction]) -> list[str]:
    deleted = []
    for id_ in await _ids(session, which):
        row = (await session.execute(select(Backup.filename, Backup.content).where(Backup.id == id_))).one()
        try:
            new = await asyncio.to_thread(redact, row.content, make())
        except (ValidationError, NotAProfileError, NotJsonError):
            # Another version of the program wrote it. It must not keep what is erased, and nothing here can restore it.
            await session.execute(delete(Backup).where(Backup.id == id_))
            deleted.append(row.filename)
            continue
        if new is not None:
            values = {"content": new.content, "speakers_count": new.speakers, "segments_count": new.segments}
            await session.execute(update(Backup).where(Backup.id == id_).values(values))
    return deleted


async def _ids(session: AsyncSession, which: ColumnElement[bool]) -> Sequence[int]:
    # A file takes up to 256 MB: one at a time is in memory.
    return (await session.scalars(select(Backup.id).where(which).order_by(Backup.id.desc()))).all()
