"""The interactive documentation: Swagger UI, from files of a package instead of a CDN, and without inline scripts."""

from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
PATHS = ("/docs", "/docs/start.js", *(f"/docs/files/{name}" for name in FILES))

router = APIRouter(prefix="/docs", include_in_schema=False)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vivavoce: the REST API</title>
<link rel="stylesheet" href="docs/files/swagger-ui.css">
<link rel="icon" href="docs/files/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // it would send the address of this server to another host
});
"""


@router.get("")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@router.get("/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


def _sender(name: str) -> Callable[[], Awaitable[FileResponse]]:
    async def send() -> FileResponse:
        return FileResponse(Path(str(resources.files("fastapi_swagger.resources") / name)))

    return send


for _name in FILES:
    router.add_api_route(f"/files/{_name}", _sender(_name))
