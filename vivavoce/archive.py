"""`vivavoce backup` and `vivavoce restore`: identities of speakers as a file, beside a running application or without one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from engines import cuda
from engines.weights import resolver
from pipeline.formats.profile_file import LARGEST
from pipeline.formats.profile_reader import NotAProfileError, NotJsonError
from services.access import audit
from services.archive.restore import IncompatibleError, Restored, restore
from settings import Settings
from storage import private_files
from storage.backups import backups, imports, snapshots
from storage.backups.snapshots import Running, Snapshot
from storage.postgres.database import Database
from vivavoce.database import with_database

T = TypeVar("T")


class ArchiveError(RuntimeError):
    """It cannot be done; one sentence that says what to do about it."""


def write_backup(file: Path, settings: Settings) -> Snapshot:
    """Write the live state to `file`, which is there whole or as it was. Raises ArchiveError, DatabaseError, WeightsError."""
    if not settings.database_url and not settings.pg_path.exists():
        raise ArchiveError(f"There is nothing in {settings.data_path}: set DATA_PATH or DATABASE_URL to where the archive is.")
    name = "".join(c for c in file.stem if c.isprintable()).strip() or "backup"

    async def take(database: Database, running: Running) -> Snapshot:
        async with database.session() as session:
            await audit.record(session, "profile.backup")
            return await snapshots.take(session, running, name, None)

    snapshot = _with_database(settings, take)
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.unlink(missing_ok=True)
        with private_files.create(draft) as out:
            out.write(snapshot.content.encode())
        draft.replace(file)
    except OSError as error:
        raise ArchiveError(f"{file} cannot be written ({error.strerror}): choose another place.") from error
    finally:
        draft.unlink(missing_ok=True)
    return snapshot


def restore_backup(file: Path, settings: Settings) -> Restored:
    """Replace the live state by that of a file, or change nothing. Raises ArchiveError, DatabaseError, WeightsError."""
    if file.stat().st_size > LARGEST:
        raise ArchiveError(f"{file} is larger than {LARGEST >> 20} MB: that is no profile.")
    data = file.read_bytes()

    async def put_back(database: Database, running: Running) -> Restored:
        async with database.session() as session:
            backup = await imports.import_file(session, data)
            done = await restore(session, running, backup)
            await backups.delete_profile(session, backup.name)  # it is in the file
        return done

    try:
        return _with_database(settings, put_back)
    except NotJsonError as error:
        raise ArchiveError(f"{file} is no JSON file: {error}.") from error
    except NotAProfileError as error:
        raise ArchiveError(f"{file} is no profile: {error}.") from error
    except IncompatibleError as error:
        raise ArchiveError(f"{file} cannot be restored here. {error}") from error


def _with_database(settings: Settings, work: Callable[[Database, Running], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        async with database.session() as session:
            model = await snapshots.latest_model(session)
        if model is None:  # no voice is stored yet
            resolved = await asyncio.to_thread(resolver.resolve, "embedding", settings, gpu=cuda.available())
            model = resolved.name
        return await work(database, Running(settings, model))

    return with_database(settings, run)
