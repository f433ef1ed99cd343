"""The embedded PostgreSQL as a deployment, for a graph that `serve run` starts without DATABASE_URL."""

import asyncio

from settings import Settings
from storage.postgres.server import DatabaseServer


class EmbeddedDatabase:
    def __init__(self, settings: Settings) -> None:
        self._server = DatabaseServer(settings)
        self._url = self._server.start()

    async def url(self) -> str:
        return self._url

    async def check_health(self) -> None:
        """Restart PostgreSQL where it has died."""
        self._url = await asyncio.to_thread(self._server.start)

    def __del__(self) -> None:
        self._server.stop()
