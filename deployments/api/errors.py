"""What is wrong with a request, or with the server, said in JSON that is always valid."""

import errno
import json
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from storage import database

logger = logging.getLogger("ray.serve")

AWAY = {"detail": "The database does not answer. Nothing was changed: try again in a moment."}
FULL = {"detail": "The server's disk is full. Nothing was kept of this: free some space there, and send it again."}
SOON = {"Retry-After": "5"}
"""Seconds; an embedded PostgreSQL that died is back by then."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def handle(app: FastAPI) -> None:
    """Have `app` answer errors as said here."""
    app.add_exception_handler(RequestValidationError, invalid_request)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, refusal)  # type: ignore[arg-type]
    app.add_exception_handler(OSError, failure)
    for failed in database.FAILURES:
        app.add_exception_handler(failed, failure)


async def failure(_request: Request, error: Exception) -> Response:
    """What is no fault of the program's, nor of the client's; anything else is raised again, for a 500 and the log."""
    if database.is_away(error):
        logger.warning("The database does not answer: %s", error)
        return JSONResponse(AWAY, 503, SOON)
    if database.is_full(error) or getattr(error, "errno", None) in NO_SPACE:
        logger.error("The disk is full: %s", error)
        return JSONResponse(FULL, 507)
    raise error


async def refusal(request: Request, error: HTTPException) -> Response:
    """FastAPI takes it for a malformed form where an upload does not fit on the disk."""
    cause = error.__cause__
    return await (
        failure(request, cause)
        if isinstance(cause, OSError) and cause.errno in NO_SPACE
        else http_exception_handler(request, error)
    )


async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """As FastAPI's own answer, without the input: that may hold what JSON cannot say, such as NaN or half a character."""
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
    return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")
