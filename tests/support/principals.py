"""People for tests, each with an API key."""

from dataclasses import dataclass

import httpx
from sqlalchemy import insert

from pipeline.access import Principal, Role
from storage.access import keys
from storage.postgres.database import Database
from storage.tables import Person


@dataclass(frozen=True)
class Caller:
    principal: Principal
    api_key: str

    @property
    def person_id(self) -> int:
        assert self.principal.person_id is not None
        return self.principal.person_id


async def person(database: Database, name: str, role: Role = Role.WRITER) -> Caller:
    """A new account, and its key."""
    async with database.session() as session:
        new = insert(Person).values(name=name, role=role).returning(Person.id)
        id_ = (await session.execute(new)).scalar_one()
    return await program(database, name, role, id_)


async def program(database: Database, name: str, role: Role = Role.WRITER, person_id: int | None = None) -> Caller:
    """A new key. Without `person_id` it has no owner."""
    async with database.session() as session:
        api_key, key = await keys.create(session, name, role, person_id)
    return Caller(Principal(f"key:{key.id}", role, person_id, key.id), api_key)


def become(client: httpx.AsyncClient, caller: Caller | None) -> None:
    """Send the caller's key from now on; without one, be the client on this machine."""
    client.headers.pop("authorization", None)
    if caller is not None:
        client.headers["authorization"] = f"Bearer {caller.api_key}"
