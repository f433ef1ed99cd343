"""Accounts for the tests of this directory. All have the same password, whose hash is computed once."""

from functools import cache

import httpx
from pwdlib import PasswordHash

from pipeline.access import Role
from storage.access import people
from storage.access.people import Person
from storage.postgres.database import Database

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "three blind mice on a wheel"
COOKIE = "vivavoce_session"


@cache
def password_hash() -> str:
    return PasswordHash.recommended().hash(PASSWORD)


async def add(database: Database, name: str, role: Role = Role.READER) -> Person:
    async with database.session() as session:
        return await people.create(session, name, role, password_hash())


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/login", json={"name": name, "password": password})
