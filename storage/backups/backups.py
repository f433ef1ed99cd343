"""Profiles, which are named copies of the identities of speakers, and their checkpoints. Each is a file, kept as a row.

A transaction that writes or deletes one holds `speakers.lock` from the beginning, so that none is deleted while it is written
or restored.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import normalize
from uuid import uuid4

from sqlalchemy import Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.names import spelling
from storage.backups import snapshots
from storage.backups.snapshots import Running, Snapshot
from storage.speakers import speakers
from storage.tables import Backup

FILENAME = re.compile(r"(profile|checkpoint)_[\w.-]{1,300}\.json")
BEFORE_RESTORE = "Before restore"
"""The profile that a restore keeps the replaced state in; the states before it are its checkpoints."""
KEPT = 5
"""States that are kept so."""


class ProfileExistsError(ValueError):
    """The name is taken."""


class ProfileNotFoundError(LookupError):
    """There is no such profile."""


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """A profile, or a checkpoint, which has its profile's name. Times are UTC."""

    id: int
    name: str
    description: str | None
    filename: str
    speakers_count: int
    segments_count: int
    created_at: datetime
    updated_at: datetime
    """When the state that it holds was taken."""

    @property
    def timestamp(self) -> str:
        """A checkpoint is known by it."""
        prefix = f"checkpoint_{safe(self.name)}_"
        own = self.filename.startswith("checkpoint_")
        return self.filename.removeprefix(prefix).removesuffix(".json") if own else snapshots.stamp(self.updated_at)


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker of a file and the embedding models that made their references."""

    name: str
    models: frozenset[str]


def safe(name: str) -> str:
    """What of a profile's name goes into its file's. Raises ValueError where nothing is left."""
    kept = "".join("_" if c == " " else c for c in name if c.isalnum() or c in "-_. ")
    if not kept.strip("._- "):
        raise ValueError(f"The profile's name {name[:50]!r} has no letter or digit: give it another.")
    return kept


def profile_filename(name: str) -> str:
    return f"profile_{safe(name)}.json"


def _summaries() -> Select[Any]:
    return select(*(getattr(Backup, name) for name in BackupSummary.__dataclass_fields__))


async def profiles(session: AsyncSession) -> list[BackupSummary]:
    """All profiles, by name."""
    found = _summaries().where(Backup.profile_id.is_(None)).order_by(Backup.name)
    return [BackupSummary(*row) for row in await session.execute(found)]


async def profile(session: AsyncSession, name: str) -> BackupSummary:
    """Raises ProfileNotFoundError."""
    with suppress(ValueError):
        for spelled in (spelling(name), normalize("NFD", name)):  # older versions stored the second as it was given
            if (found := await by_filename(session, profile_filename(spelled))) is not None:
                return found
    raise ProfileNotFoundError(f"Profile '{name}' not found")


async def by_filename(session: AsyncSession, filename: str) -> BackupSummary | None:
    row = (await session.execute(_summaries().where(Backup.filename == filename))).one_or_none()
    return None if row is None else BackupSummary(*row)


async def filenames(session: AsyncSession) -> Sequence[str]:
    """Of all profiles and checkpoints."""
    return (await session.scalars(select(Backup.filename).order_by(Backup.filename))).all()


async def content(session: AsyncSession, filename: str) -> str | None:
    """The file; None where there is none of that name."""
    return await session.scalar(select(Backup.content).where(Backup.filename == filename))


async def content_of(session: AsyncSession, backup: BackupSummary) -> str | None:
    """The file of a profile or checkpoint; None if it was deleted."""
    return await session.scalar(select(Backup.content).where(Backup.id == backup.id))


async def voices(session: AsyncSession, backup: BackupSummary) -> list[Voice]:
    """The speakers in a file, by name."""
    statement = text("""
        WITH file AS (SELECT content::json AS content FROM backups WHERE id = :id), known AS (
            SELECT s.id, x.model FROM file, json_to_recordset(content -> 'speakers') AS s(id integer, "references" json),
                json_to_recordset(s."references") AS x(model text)
            UNION SELECT p.speaker_id, p.model
            FROM file, json_to_recordset(content -> 'participants') AS p(speaker_id integer, model text)
        )
        SELECT s.name, array_remove(array_agg(known.model), NULL)
        FROM file, json_to_recordset(content -> 'speakers') AS s(id integer, name text) LEFT JOIN known ON known.id = s.id
        GROUP BY s.id, s.name ORDER BY s.name
    """)
    return [Voice(name, frozenset(models)) for name, models in await session.execute(statement, {"id": backup.id})]


async def create(
    session: AsyncSession, running: Running, name: str, description: str | None, *, empty: bool = False
) -> BackupSummary:
    """Keep the live state, or none of it, as a new profile. Raises ProfileExistsError."""
    filename = profile_filename(name)
    if await by_filename(session, filename) is not None:
        raise ProfileExistsError(f"Profile '{name}' already exists")
    return await add(session, name, description, await snapshots.take(session, running, name, description, empty=empty))


async def add(
    session: AsyncSession, name: str, description: str | None, snapshot: Snapshot, *, profile_id: int | None = None
) -> BackupSummary:
    """Keep a file: a profile, or a checkpoint of the one given. Raises ProfileExistsError."""
    if profile_id is None:
        filename = profile_filename(name)
    else:  # two in one second must not have one name
        filename = f"checkpoint_{safe(name)}_{snapshot.taken_at:%Y%m%d_%H%M%S_%f}_{uuid4().hex[:8]}.json"
    values = {"name": name, "description": description, "filename": filename, "profile_id": profile_id, **_state(snapshot)}
    new = insert(Backup).values(values).on_conflict_do_nothing(index_elements=[Backup.filename]).returning(Backup.id)
    if await session.scalar(new) is None:
        raise ProfileExistsError(f"Profile '{name}' already exists")
    found = await by_filename(session, filename)
    assert found is not None
    return found


async def overwrite(session: AsyncSession, running: Running, name: str, description: str | None) -> BackupSummary:
    """Put the live state into a profile; a `description` of None leaves it as it was. Raises ProfileNotFoundError."""
    await speakers.lock(session)
    found = await profile(session, name)
    described = found.description if description is None else description
    snapshot = await snapshots.take(session, running, found.name, described)
    values = _state(snapshot) | {"description": described}
    await session.execute(update(Backup).where(Backup.id == found.id).values(values))
    return await profile(session, name)


async def delete_profile(session: AsyncSession, name: str) -> int:
    """Delete a profile with its checkpoints; returns how many those were. Raises ProfileNotFoundError."""
    await speakers.lock(session)
    found = await profile(session, name)
    count = await session.scalar(select(func.count()).where(Backup.profile_id == found.id))
    await session.execute(delete(Backup).where(Backup.id == found.id))
    return count or 0


async def create_checkpoint(session: AsyncSession, running: Running, name: str) -> BackupSummary:
    """Keep the live state as a checkpoint of a profile. Raises ProfileNotFoundError."""
    await speakers.lock(session)
    found = await profile(session, name)
    snapshot = await snapshots.take(session, running, found.name, found.description, "checkpoint")
    return await add(session, found.name, found.description, snapshot, profile_id=found.id)


async def checkpoints(session: AsyncSession, name: str) -> list[BackupSummary]:
    """Of one profile, from the newest on."""
    found = await profile(session, name)
    newest = _summaries().where(Backup.profile_id == found.id).order_by(Backup.updated_at.desc(), Backup.id.desc())
    return [BackupSummary(*row) for row in await session.execute(newest)]


async def delete_checkpoint(session: AsyncSession, name: str, timestamp: str) -> bool:
    """Whether there was one. Raises ProfileNotFoundError."""
    await speakers.lock(session)
    for found in await checkpoints(session, name):
        if found.timestamp == timestamp:
            await session.execute(delete(Backup).where(Backup.id == found.id))
            return True
    return False


async def keep_before_restore(session: AsyncSession, running: Running) -> BackupSummary | None:
    """Keep the live state, which is about to be replaced, unless it has no speakers."""
    snapshot = await snapshots.take(session, running, BEFORE_RESTORE, None)
    if not snapshot.speakers_count:
        return None
    former = await by_filename(session, profile_filename(BEFORE_RESTORE))
    description = "What a restore replaced. The states before that are the checkpoints."
    if former is None:
        return await add(session, BEFORE_RESTORE, description, snapshot)
    held = await content(session, former.filename)
    assert held is not None
    older = Snapshot(held, former.speakers_count, former.segments_count, former.updated_at)
    await add(session, BEFORE_RESTORE, description, older, profile_id=former.id)
    await session.execute(update(Backup).where(Backup.id == former.id).values(_state(snapshot)))
    oldest = [one.id for one in (await checkpoints(session, BEFORE_RESTORE))[KEPT - 1 :]]
    await session.execute(delete(Backup).where(Backup.id.in_(oldest)))
    return await profile(session, BEFORE_RESTORE)


def _state(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "content": snapshot.content,
        "speakers_count": snapshot.speakers_count,
        "segments_count": snapshot.segments_count,
        "updated_at": snapshot.taken_at,
    }
