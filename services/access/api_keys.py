"""Make, list and revoke API keys."""

from datetime import UTC, datetime, timedelta

from pipeline.access import Role
from services.access import audit
from services.access.actor import actor
from storage.access import keys, people
from storage.access.keys import Key
from storage.postgres.database import Database


async def create(
    database: Database, name: str, role: Role, *, person_id: int | None = None, lifetime: timedelta | None = None
) -> tuple[str, Key]:
    """Make a key for the person, by default the caller. Returns the key, and its entry in lists.

    Raises PersonNotFoundError.
    """
    owner = person_id if person_id is not None else actor().principal.person_id
    expires_at = None if lifetime is None else datetime.now(UTC) + lifetime
    async with database.session() as session:
        if owner is not None:
            await people.get(session, owner)
        key, made = await keys.create(session, name, role, owner, expires_at)
        await audit.record(session, "key.create", f"key:{made.id}")
    return key, made


async def create_for(
    database: Database, name: str, role: Role, owner: str | None, lifetime: timedelta | None
) -> tuple[str, Key]:
    """The same for an owner by name. Raises PersonNotFoundError."""
    if owner is None:
        return await create(database, name, role, lifetime=lifetime)
    async with database.session() as session:
        person = await people.by_name(session, owner)
    return await create(database, name, role, person_id=person.id, lifetime=lifetime)


async def list_all(database: Database) -> list[Key]:
    async with database.session() as session:
        return await keys.list_all(session)


async def revoke(database: Database, key_id: int) -> Key:
    """Raises KeyNotFoundError."""
    async with database.session() as session:
        revoked = await keys.revoke(session, key_id)
        await audit.record(session, "key.revoke", f"key:{key_id}")
    return revoked
