"""The administrator's key of an installation: a file in the data directory, which the commands on this machine read."""

import asyncio
import os
from pathlib import Path

from pipeline.access import Role
from services.access import audit
from settings import Settings, is_loopback
from storage import private_files
from storage.access import keys
from storage.postgres.database import Database

FILE = "admin.key"
NAME = "administrator of this machine"


class NoCredentialError(RuntimeError):
    """No client could call the server; the message says what to do."""

    def __init__(self, settings: Settings) -> None:
        why = "AUTH is 'required'" if is_loopback(settings.host) else f"HOST is {settings.host}"
        super().__init__(
            f"{why}: every client needs an API key or a login, and there is none. Make a key with "
            "`vivavoce keys create NAME --role admin`, under the same DATA_PATH or DATABASE_URL, and start again; or leave "
            "HOST at 127.0.0.1, where clients on this machine need none."
        )


def read(data_path: Path) -> str | None:
    """The key; None if there is none, or if it belongs to another user."""
    try:
        return (data_path / FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


async def prepare(settings: Settings, database: Database, *, own_directory: bool) -> None:
    """At the start: refuse to serve others before there is a key or an account, and write the administrator's key.

    Args:
        settings: Settings of the program.
        database: Where keys are stored; migrated.
        own_directory: The data directory belongs to this installation. On the nodes of a cluster, none does.

    Raises:
        NoCredentialError: If every client needs a credential, none exists, and there is no reason to think that the program
            is for clients on this machine.
    """
    served_here = own_directory and is_loopback(settings.host)
    if settings.key_required and not served_here:
        async with database.session() as session:
            if not await keys.any_credential(session):
                raise NoCredentialError(settings)
    if own_directory:
        await _ensure(database, settings.data_path)


async def _ensure(database: Database, data_path: Path) -> None:
    """Write the key, unless the file holds a valid one."""
    async with database.session() as session:
        await keys.lock(session)
        current = await asyncio.to_thread(read, data_path)
        if current is not None and (found := await keys.find(session, current)) is not None and found.role is Role.ADMIN:
            return
        key, made = await keys.create(session, NAME, Role.ADMIN)
        await audit.record(session, "key.create", f"key:{made.id}")
        await asyncio.to_thread(_write, data_path / FILE, key)


def _write(path: Path, key: str) -> None:
    """Replace the file as a whole. No other user may read it at any time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with private_files.create(draft) as file:
            file.write(f"{key}\n".encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
