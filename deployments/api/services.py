"""What the routes work with, as FastAPI dependencies. The routes know nothing of Ray."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from settings import Settings
from storage.audio import AudioStore
from storage.database import Database
from storage.events import Notifications

if TYPE_CHECKING:
    from deployments.recordings import Recordings

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


def services(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]
