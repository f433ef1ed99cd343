"""People for tests, and requests that act for them."""

from sqlalchemy import insert

from pipeline.access import Principal, Role
from services.access.actor import Actor, act_for
from storage.postgres.database import Database
from storage.tables import Person


async def person(database: Database, name: str, role: Role = Role.WRITER) -> Principal:
    """A new account."""
    async with database.session() as session:
        new = insert(Person).values(name=name, role=role).returning(Person.id)
        id_ = (await session.execute(new)).scalar_one()
    return Principal(f"person:{id_}", role, id_)


def become(principal: Principal) -> None:
    """Act for the principal from now on, in this test."""
    act_for(Actor(principal))
