"""The FastAPI application of an ingress replica."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp

from api import access_errors, docs, errors, page, security
from api.body_limit import BodyLimit
from api.guard import Guard
from api.refusals import Refusals
from api.request_limit import RequestLimits
from api.routes import (
    conversations,
    emotions,
    erasure,
    evaluation,
    health,
    identification,
    jobs,
    labels,
    process,
    profiles,
    recordings,
    search,
    segments,
    sharing,
    streaming,
    system,
)
from api.routes.access import audit, keys, login, people
from api.routes.archive import bulk, listing, tags
from api.routes.editing import history, transcript
from api.routes.memory import ask, summaries
from api.routes.openai import errors as openai_errors
from api.routes.openai import models, transcriptions, translations
from api.routes.reading import events
from api.routes.reading import transcript as reading
from api.routes.settings import summaries as summary_settings
from api.routes.settings import vocabulary, voice
from api.routes.speakers import overview, reembedding, speakers
from api.stopping import Stopping
from mcp_server import mount
from mcp_server.endpoint import PATH
from settings import NAME, Settings

PREFIX = "/api/v1"
DESCRIPTION = """
Transcripts of recordings, in which every segment has a speaker with a lasting name and an emotion.

Send a recording to `POST /api/v1/process`; read it again at `GET /api/v1/conversations/{id}`. Times are RFC 3339 in UTC,
offsets are seconds from the start of the recording. An error is `{"detail": "a sentence that says what to do"}`; where
fields have a wrong form, it is a 422 with a list of them: `{"detail": [{"type": …, "loc": ["body", "title"], "msg": …}]}`.
"""


class GuardedApp(FastAPI):
    """With the guard around everything, also around the answers to errors; what it refuses is recorded, too."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self.settings = settings

    def build_middleware_stack(self) -> ASGIApp:
        return Refusals(openai_errors.OpenAIErrors(Guard(super().build_middleware_stack(), self.settings)))

    def openapi(self) -> dict[str, Any]:
        """With errors as JSON: FastAPI documents them in the media type of a route that answers HTML or events."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        operations = (operation for path in document["paths"].values() for operation in path.values())
        for status, response in (pair for operation in operations for pair in operation["responses"].items()):
            if int(status) >= HTTPStatus.BAD_REQUEST and "content" in response:
                (documented,) = response["content"].values()
                response["content"] = {"application/json": documented}
        return document


def create_app(settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    about = {"title": "Vivavoce", "version": version(NAME), "description": DESCRIPTION}
    app = GuardedApp(settings, **about, lifespan=lifespan, docs_url=None, redoc_url=None)  # docs.py is the documentation
    app.router.routes.extend(_routes().routes)
    errors.handle(app)
    access_errors.handle(app)
    mount.add(app)
    app.add_middleware(Stopping)
    app.add_middleware(BodyLimit, max_bytes=settings.max_upload_mb * 2**20, small=security.LOGIN)
    app.add_middleware(RequestLimits, per_minute=settings.limit_requests_per_minute)
    app.add_middleware(security.Authentication, settings=settings)
    app.add_api_route("/", _root, methods=["GET", "HEAD"], include_in_schema=False)
    page.add(app)
    return app


@cache
def _routes() -> APIRouter:
    """The routes of every application in this process. FastAPI prepares them at the first request, which takes long."""
    router = APIRouter()
    for module in (
        system,
        process,
        jobs,
        events,
        listing,
        bulk,
        conversations,
        reading,
        tags,
        labels,
        sharing,
        audit,
        evaluation,
        recordings,
        segments,
        identification,
        transcript,
        history,
        overview,
        speakers,
        erasure,
        emotions,
        voice,
        vocabulary,
        summary_settings,
        summaries,
        ask,
        profiles,
        reembedding,
        search,
        streaming,
        keys,
        login,
        people,
    ):
        router.include_router(module.router, prefix=PREFIX, responses=security.REFUSALS)
    for module in (models, transcriptions, translations):
        router.include_router(module.router, prefix=security.OPENAI, responses=openai_errors.RESPONSES)
    router.include_router(health.router)
    router.include_router(docs.router)
    return router


async def _root(request: Request) -> Response:
    """The page for a browser, and for programs where to find what they look for."""
    if page.is_wanted(request):
        answer = await page.screen()
    else:
        answer = JSONResponse({"message": "Vivavoce", "docs": "/docs", "api": PREFIX, "mcp": PATH})
    answer.headers["Vary"] = "Accept"
    return answer
