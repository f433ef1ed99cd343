"""What the routes work with, as FastAPI dependencies. The routes know nothing of Ray."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from api.errors import SOON
from settings import Settings
from storage.audio import AudioStore
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database

if TYPE_CHECKING:
    from services.recordings import Recordings

PATIENCE = 30.0
"""Seconds for the stages to say what they run: their models may be loading, as they do after a change."""
FRESH = 60.0
"""Seconds for which that holds: a change of the graph may bring another model while this replica stays, or came first."""

NOT_FOUND = HTTPException(404, "Conversation not found")


@dataclass(frozen=True)
class AppContext:
    """Made once on each ingress replica."""

    settings: Settings
    database: Database
    store: AudioStore
    recordings: "Recordings"
    notifications: Notifications
    stage_status: Callable[[], Awaitable[dict[str, dict[str, str | None]]]]
    _models: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def embedding_model(self) -> str:
        """The name of the speaker embedding model that is running, which is asked for now and then.

        Raises HTTPException (503) where the stages have never answered.
        """
        name, asked = self._models.get("embedder", ("", -FRESH))
        if time.monotonic() - asked < FRESH:
            return name
        try:
            async with asyncio.timeout(PATIENCE):
                name = str((await self.stage_status())["embedder"]["model"])
        except Exception as error:
            if not name:
                raise HTTPException(503, "The models do not answer; wait until GET /health/ready does.", SOON) from error
        self._models["embedder"] = name, time.monotonic()
        return name


def services(connection: HTTPConnection) -> AppContext:
    found: AppContext = connection.app.state.services
    return found


ServicesDep = Annotated[AppContext, Depends(services)]
