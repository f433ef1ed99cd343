"""Answers to errors of `services.access`: a status for each, and the error's own sentence.

`api.errors` answers the limits.
"""

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler

from services.access.accounts import FirstAccountError, OwnAccountError
from services.access.logins import LoginRefusedError, NoPasswordError
from services.access.openid_login import OpenIDRefusedError
from services.access.openid_provider import ProviderError
from services.access.passwords import UnsuitablePasswordError
from services.access.sharing import SharingError
from services.errors import NotAllowedError
from storage.access.keys import KeyNotFoundError
from storage.access.people import PersonExistsError, PersonNotFoundError
from storage.conversations.sharing import NoSuchPersonError

STATUSES: dict[type[Exception], int] = {
    NoSuchPersonError: 400,
    SharingError: 400,
    UnsuitablePasswordError: 400,
    LoginRefusedError: 401,
    FirstAccountError: 403,
    NotAllowedError: 403,
    OpenIDRefusedError: 403,
    KeyNotFoundError: 404,
    PersonNotFoundError: 404,
    NoPasswordError: 409,
    OwnAccountError: 409,
    PersonExistsError: 409,
    ProviderError: 502,
}


def handle(app: FastAPI) -> None:
    for error in STATUSES:
        app.add_exception_handler(error, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, LoginRefusedError) else None
    return await http_exception_handler(request, HTTPException(STATUSES[type(error)], str(error), headers))
