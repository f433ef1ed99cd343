"""The database for a command that works beside a running application, and without one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from settings import Settings
from storage.postgres.database import Database, migrate
from storage.postgres.server import DatabaseServer

T = TypeVar("T")


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the migrated database. Raises DatabaseError."""

    async def run(url: str) -> T:
        await migrate(url)
        database = Database(url)
        try:
            return await work(database)
        finally:
            await database.dispose()

    with DatabaseServer(settings) as url:
        return asyncio.run(run(url))
