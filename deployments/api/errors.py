"""What is wrong with a request, said in JSON that is always valid."""

import json

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError


async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """As FastAPI's own answer, without the input: that may hold what JSON cannot say, such as NaN or half a character."""
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in error.errors()]
    return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")
