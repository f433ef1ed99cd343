"""Answers to errors of `services.access`: a status for each, and the error's own sentence."""

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler

from services.access.accounts import FirstAccountError, OwnAccountError
from services.access.login_limit import TooManyAttemptsError
from services.access.logins import LoginRefusedError, NoPasswordError
from services.access.openid_login import OpenIDRefusedError
from services.access.openid_provider import ProviderError
from services.access.passwords import UnsuitablePasswordError
from storage.access.people import PersonExistsError, PersonNotFoundError

STATUSES: dict[type[Exception], int] = {
    UnsuitablePasswordError: 400,
    LoginRefusedError: 401,
    FirstAccountError: 403,
    OpenIDRefusedError: 403,
    PersonNotFoundError: 404,
    NoPasswordError: 409,
    OwnAccountError: 409,
    PersonExistsError: 409,
    TooManyAttemptsError: 429,
    ProviderError: 502,
}


def handle(app: FastAPI) -> None:
    for error in STATUSES:
        app.add_exception_handler(error, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    headers = {}
    if isinstance(error, TooManyAttemptsError):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, LoginRefusedError):
        headers["WWW-Authenticate"] = "Bearer"
    return await http_exception_handler(request, HTTPException(STATUSES[type(error)], str(error), headers))
