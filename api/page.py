"""The page: what the build of `web/` left in `web/dist`.

`FastAPI.frontend` is not used: it would answer unknown paths of the API with the page, and it sends neither `Cache-Control`
nor compressed files.
"""

import asyncio
import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.guard import CONTENT_SECURITY_POLICY

DIST = Path(__file__).parents[1] / "web" / "dist"
SCREENS = ("c", "live", "people", "settings")
"""The first parts of the addresses in web/src/app/routes.tsx, all of which are answered with the page."""
FILES = ("icon.svg", "manifest.webmanifest")
PARTS = frozenset({"assets", *SCREENS, *FILES})

NONCE = "nonce-of-this-answer"
"""What web/vite.config.ts writes where the nonce belongs."""
IMMUTABLE = "public, max-age=31536000, immutable"
"""For files with a digest of their content in the name. A year is the longest time that caches accept."""
NOT_BUILT = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Vivavoce</title></head>
<body>
<h1>The page is not built</h1>
<p>Vivavoce runs, but npm could not be reached when it was installed. On the server, in the folder of the project, run:</p>
<pre>.venv/bin/python hatch_build.py</pre>
<p>Then load this page again. The <a href="/docs">REST API</a> works without it.</p>
</body>
</html>
"""


class Assets(StaticFiles):
    """Sends the compressed copy of a file, which the build wrote beside it, to clients that take it."""

    def __init__(self, directory: Path, cache: str) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.config_checked = True  # a missing directory is a missing page, not an error of the server
        self.cache = cache

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await self._compressed(path, scope) or await super().get_response(path, scope)
        response.headers["Cache-Control"] = self.cache
        response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _compressed(self, path: str, scope: Scope) -> Response | None:
        if "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            return None
        try:
            response = await super().get_response(f"{path}.gz", scope)
        except HTTPException:
            return None
        response.headers["Content-Encoding"] = "gzip"
        return response


def add(app: FastAPI) -> None:
    for name in SCREENS:
        for path in (f"/{name}", f"/{name}/{{item}}"):
            app.add_api_route(path, screen, methods=["GET", "HEAD"], include_in_schema=False)
    for name in FILES:
        app.add_route(f"/{name}", Assets(DIST, "no-cache"), include_in_schema=False)  # type: ignore[arg-type]
    app.mount("/assets", Assets(DIST / "assets", IMMUTABLE))


def is_public(path: str) -> bool:
    """Whether the path is one of the page's: they hold no data, and are the same in every installation."""
    return path.removeprefix("/").partition("/")[0] in PARTS


def is_wanted(request: Request) -> bool:
    """Whether a browser opens the address: other programs accept JSON, or any type."""
    return "text/html" in request.headers.get("accept", "")


async def screen() -> Response:
    """The page, never from a cache: the names of the files in it change with each build."""
    try:
        text = await asyncio.to_thread((DIST / "index.html").read_text, encoding="utf-8")
    except FileNotFoundError:
        return HTMLResponse(NOT_BUILT, 503, {"Cache-Control": "no-store"})
    nonce = secrets.token_urlsafe(16)
    policy = f"{CONTENT_SECURITY_POLICY}; style-src 'self' 'nonce-{nonce}'"
    return HTMLResponse(text.replace(NONCE, nonce), headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy})
