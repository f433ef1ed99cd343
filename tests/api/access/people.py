"""Accounts for the tests of this directory. All have the same password."""

from functools import cache

import httpx
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from pipeline.access import Role
from storage.access import people
from storage.access.people import Person
from storage.postgres.database import Database

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "three blind mice on a wheel"
COOKIE = "vivavoce_session"
CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
"""Argon2 with the least work, as most tests do not depend on it."""


@cache
def password_hash() -> str:
    return CHEAP.hash(PASSWORD)


async def add(database: Database, name: str, role: Role = Role.READER) -> Person:
    async with database.session() as session:
        return await people.create(session, name, role, password_hash())


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/login", json={"name": name, "password": password})
