"""Error answers: a JSON object with one sentence."""

import json

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from services import failures

RETRY_SOON = {"Retry-After": str(failures.RETRY_S)}
STATUSES = {"limit": 429, "unavailable": 503, "disk_full": 507}


def handle(app: FastAPI) -> None:
    """Install the handlers of this module."""
    app.add_exception_handler(RequestValidationError, invalid_request)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, refusal)  # type: ignore[arg-type]
    for failed in failures.TYPES:
        app.add_exception_handler(failed, failure)


def service_error(error: BaseException) -> HTTPException | None:
    """The answer to one of `services.failures`; else None."""
    if (found := failures.classify(error)) is None:
        return None
    headers = None if found.retry_after_s is None else {"Retry-After": str(found.retry_after_s)}
    return HTTPException(STATUSES[found.kind], found.sentence, headers)


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
        if isinstance(cause, OSError) and cause.errno in failures.NO_SPACE
        else http_exception_handler(request, error)
    )


async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """FastAPI's answer without the input, which may hold values that are not valid JSON, such as NaN or a lone surrogate."""
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
    return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")
