"""FastAPI dependencies of the routes."""

from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from services.context import AppContext
from storage.conversations import conversations

NOT_FOUND = HTTPException(404, conversations.NOT_FOUND)


def app_context(connection: HTTPConnection) -> AppContext:
    found: AppContext = connection.app.state.context
    return found


ContextDep = Annotated[AppContext, Depends(app_context)]
