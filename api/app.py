"""The FastAPI application of an ingress replica."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api import errors
from api.body_limit import BodyLimit
from api.routes import (
    conversations,
    emotions,
    evaluation,
    health,
    identification,
    jobs,
    labels,
    process,
    profiles,
    reembedding,
    search,
    segments,
    speakers,
    streaming,
    system,
    voice_settings,
)
from mcp_server import mount
from mcp_server.endpoint import PATH
from settings import NAME, Settings

PREFIX = "/api/v1"
DESCRIPTION = """
Transcripts of recordings, in which every segment has a speaker with a lasting name and an emotion.

Send a recording to `POST /api/v1/process`; read it again at `GET /api/v1/conversations/{id}`. Times are UTC without an offset,
offsets are seconds from the start of the recording. An error is `{"detail": "a sentence that says what to do"}`.
"""


def create_app(settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    app = FastAPI(title="Vivavoce", version=version(NAME), description=DESCRIPTION, lifespan=lifespan)
    for module in (
        system,
        process,
        jobs,
        conversations,
        labels,
        evaluation,
        segments,
        identification,
        speakers,
        emotions,
        voice_settings,
        profiles,
        reembedding,
        search,
        streaming,
    ):
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(health.router)
    errors.handle(app)
    mount.add(app, settings)
    app.add_middleware(BodyLimit, max_bytes=settings.max_upload_mb * 2**20)
    app.add_api_route("/", _root, include_in_schema=False)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"])
    return app


async def _root() -> dict[str, str]:
    return {"message": "Vivavoce", "docs": "/docs", "api": PREFIX, "mcp": PATH}
