"""What is wrong with a request, or with the server, said in JSON that is always valid."""

import errno
import json
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from services.errors import ModelsUnavailableError
from storage.postgres import database

logger = logging.getLogger("ray.serve")

AWAY = "The database does not answer. Nothing was changed: try again in a moment."
FULL = "The server's disk is full. Nothing was kept of this: free some space there, and send it again."
SOON = {"Retry-After": "5"}
"""Seconds; an embedded PostgreSQL that died is back by then."""
TROUBLES: tuple[type[Exception], ...] = (ModelsUnavailableError, OSError, *database.FAILURES)
"""Of these `service_error` knows some."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def handle(app: FastAPI) -> None:
    """Have `app` answer errors as said here."""
    app.add_exception_handler(RequestValidationError, invalid_request)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, refusal)  # type: ignore[arg-type]
    for failed in TROUBLES:
        app.add_exception_handler(failed, failure)


def service_error(error: BaseException) -> HTTPException | None:
    """How to answer an error that is no fault of the program's, nor of the client's; None where it is another one."""
    if isinstance(error, ModelsUnavailableError):
        return HTTPException(503, str(error), SOON)
    if database.is_away(error):
        logger.warning("The database does not answer: %s", error)
        return HTTPException(503, AWAY, SOON)
    if database.is_full(error) or getattr(error, "errno", None) in NO_SPACE:
        logger.error("The disk is full: %s", error)
        return HTTPException(507, FULL)
    return None


async def failure(request: Request, error: Exception) -> Response:
    """Trouble, as an answer; anything else is raised again, for a 500 and the log."""
    answer = service_error(error)
    if answer is None:
        raise error
    return await http_exception_handler(request, answer)


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
