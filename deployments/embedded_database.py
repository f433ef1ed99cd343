"""The embedded PostgreSQL as a deployment, for a graph that is started by `serve run` and has no database of the user's."""

import asyncio

from settings import Settings
from storage.postgres.embedded import EmbeddedPostgres


class EmbeddedDatabase:
    def __init__(self, settings: Settings) -> None:
        self._server = EmbeddedPostgres(settings.pg_path)
        self._url = self._server.start()

    async def url(self) -> str:
        return self._url

    async def check_health(self) -> None:
        """Starts PostgreSQL again where it has died."""
        self._url = await asyncio.to_thread(self._server.start)

    def __del__(self) -> None:
        self._server.stop()
