"""Attacks on a running application: what they were answered, and that they left nothing behind."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from services.access.audit import OK
from services.access.request_limit import REQUESTS
from storage.postgres.database import Database
from storage.tables import JobRow
from tests.reliability.clients import Tally

REFUSED = range(400, 500)
TIMEOUT_S = 120.0

NAMES = {"name": "home", "emotion": "happy", "emotion_category": "happy", "timestamp": "20250101_000000"}
"""Parameters of paths that are no ids: the objects that an application under attack should have."""

State = dict[str, str]
"""The number of rows of each table, and a hash of each table and file."""


class Attacks:
    """Sends requests of an attacker. A fault is one that got in, that had no answer or one of 500 or above."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.tally = Tally()

    @property
    def sent(self) -> int:
        return self.tally.answers.total()

    def count(self, attack: str, status: int, body: str = "", refused: Collection[int] = REFUSED) -> None:
        """Count the answer to a request that was sent in another way; 0 stands for no answer."""
        self.tally.count(attack, status, body)
        if 0 < status < 500 and status not in refused:
            self.tally.faults.append(f"{attack}: got in with {status}: {body[:300]}")

    async def send(self, attack: str, method: str, path: str, refused: Collection[int] = REFUSED, **options: Any) -> None:
        """Send a request that must be refused with one of these statuses."""
        try:
            answer = await self.http.request(method, path, **options)
        except httpx.HTTPError as error:
            self.count(attack, 0, f"{method} {path}: {error!r}")
        else:
            self.count(attack, answer.status_code, f"{method} {path}: {answer.text[:200]}", refused)


def filled(path: str) -> str:
    """The path with a value for each of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda name: NAMES.get(name[1], "1"), path)


@asynccontextmanager
async def attacking(address: str, database_url: str, directory: Path) -> AsyncIterator[Attacks]:
    """Requests to `address`; prints their tally, and asserts that there is no fault and that no table and no file changed."""
    before = await state(database_url, directory)
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, trust_env=False) as http:
        attacks = Attacks(http)
        yield attacks
    tally = attacks.tally
    print(*(" | ".join(row) for row in [("attack", *map(str, tally.statuses())), *tally.rows()]), sep="\n")
    assert not tally.faults, tally.faults
    after = await state(database_url, directory)
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    assert not changed, changed


async def state(database_url: str, directory: Path) -> State:
    """What the application holds now, in its database and below `directory`.

    Without what each request writes: the audit log gets an entry for a refusal, and requests are counted.
    """
    kept = {"audit_log": f"outcome = '{OK}'", "usage": f"resource <> '{REQUESTS}'"}
    database = Database(database_url)
    try:
        async with database.session() as session:
            found: State = {}
            for table in JobRow.metadata.sorted_tables:
                rows = f"SELECT * FROM {table} WHERE {kept.get(table.name, 'true')}"
                query = f"SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM ({rows}) t"
                found[table.name] = str(await session.scalar(text(query)))
    finally:
        await database.dispose()
    return found | await asyncio.to_thread(_files, directory)


def _files(directory: Path) -> State:
    found: State = {}
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # a temporary one may just have been removed
            found[str(path.relative_to(directory))] = sha256(path.read_bytes()).hexdigest()
    return found


async def changeable(database_url: str, directory: Path) -> State:
    """The state without the audit log, which records refusals, and exports that the page cannot read."""
    return {name: what for name, what in (await state(database_url, directory)).items() if name != "audit_log"}
