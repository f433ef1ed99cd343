"""What the routes work with, as FastAPI dependencies. The routes know nothing of Ray."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from settings import Settings
from storage.audio import AudioStore
from storage.database import Database
from storage.events import Notifications

if TYPE_CHECKING:
    from deployments.recordings import Recordings

PATIENCE = 5.0
"""Seconds for the stages to say what they run."""

NOT_FOUND = HTTPException(404, "Conversation not found")


@dataclass(frozen=True)
class Services:
    """Made once on each ingress replica."""

    settings: Settings
    database: Database
    store: AudioStore
    recordings: "Recordings"
    notifications: Notifications
    stage_status: Callable[[], Awaitable[dict[str, dict[str, str | None]]]]
    _models: dict[str, str] = field(default_factory=dict)

    async def embedding_model(self) -> str:
        """The name of the speaker embedding model that is running, which is asked for once.

        Raises HTTPException (503) where the stages do not answer.
        """
        if "embedder" not in self._models:
            try:
                async with asyncio.timeout(PATIENCE):
                    status = await self.stage_status()
            except Exception as error:
                raise HTTPException(503, "The models do not answer; wait until GET /health/ready does.") from error
            self._models["embedder"] = str(status["embedder"]["model"])
        return self._models["embedder"]


def services(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]
