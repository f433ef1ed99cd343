"""Error answers: a JSON object with one sentence."""

import errno
import json
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from media.free_space import DiskFullError
from services.errors import LimitExceededError, ModelsUnavailableError
from storage.audio_errors import AudioStoreError
from storage.postgres import database

logger = logging.getLogger("ray.serve")

DATABASE_AWAY = "The database does not answer. Nothing was changed: try again in a moment."
CONFLICT = "Something that this concerns was changed at the same moment. Nothing of this was stored: look again, and try again."
DISK_FULL = "The server's disk is full. Nothing was kept of this: free some space there, and send it again."
RETRY_SOON = {"Retry-After": "5"}
"""Seconds in which a crashed embedded PostgreSQL restarts."""
SERVICE_ERRORS: tuple[type[Exception], ...] = (LimitExceededError, ModelsUnavailableError, OSError, *database.FAILURES)
"""Types of which `service_error` recognises some instances."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def handle(app: FastAPI) -> None:
    """Install the handlers of this module."""
    app.add_exception_handler(RequestValidationError, invalid_request)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, refusal)  # type: ignore[arg-type]
    for failed in SERVICE_ERRORS:
        app.add_exception_handler(failed, failure)


def service_error(error: BaseException) -> HTTPException | None:
    """The answer to a limit, a conflict, or a failure of the models, the database, the audio store or the disk; else None."""
    if isinstance(error, LimitExceededError):
        return HTTPException(429, str(error), {"Retry-After": str(error.retry_after_s)})
    if isinstance(error, ModelsUnavailableError):
        return HTTPException(503, str(error), RETRY_SOON)
    if isinstance(error, AudioStoreError):
        logger.error("%s (%s)", error, error.__cause__)
        return HTTPException(503, str(error), RETRY_SOON)
    if database.is_away(error):
        logger.warning("The database does not answer: %s", error)
        return HTTPException(503, DATABASE_AWAY, RETRY_SOON)
    if database.is_conflict(error):
        logger.warning("A transaction was prevented by another one: %s", error)
        return HTTPException(503, CONFLICT, RETRY_SOON)
    if database.is_full(error) or getattr(error, "errno", None) in NO_SPACE:
        logger.error("The disk is full: %s", error)
        return HTTPException(507, str(error) if isinstance(error, DiskFullError) else DISK_FULL)
    return None


async def failure(request: Request, error: Exception) -> Response:
    """Answer a service error; other errors are raised again and become a 500."""
    answer = service_error(error)
    if answer is None:
        raise error
    return await http_exception_handler(request, answer)


async def refusal(request: Request, error: HTTPException) -> Response:
    """FastAPI reports an upload that does not fit on the disk as a malformed form; answer 507 instead."""
    cause = error.__cause__
    return await (
        failure(request, cause)
        if isinstance(cause, OSError) and cause.errno in NO_SPACE
        else http_exception_handler(request, error)
    )


async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """FastAPI's answer without the input, which may hold values that are not valid JSON, such as NaN or a lone surrogate."""
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
    return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")
