"""Access to the routes: who calls (`Authentication`), and the role that a route requires (`READER`, `WRITER`, `ADMIN`).

`Authentication` is a middleware, so that nothing of a request is read before it is known who sends it. It covers HTTP,
WebSocket and MCP, and every path but those of `PUBLIC` and of the page. `principal_of` is the one place that knows the kinds
of credentials.
"""

from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api import cookies, docs, errors, page, schemas
from pipeline.access import ANONYMOUS, LOCAL, Principal, Role
from services import failures
from services.access.actor import Actor, acting_for
from services.access.authentication import InvalidCredentialError
from services.context import AppContext
from settings import Settings
from storage.access import keys

PUBLIC = frozenset({"/", "/openapi.json", "/health/live", "/health/ready", *docs.PATHS})
"""Paths that answer without a credential: health checks, and the documentation, which is the same in every installation."""
LOGIN = frozenset(
    f"/api/v1/{path}" for path in ("me", "login", "logout", "login/openid", "login/openid/callback", "people/first")
)
"""Paths that answer anyone, and know who calls where there is a credential."""
OPENAI = "/v1"
"""Below it is OpenAI's API. Its clients always send a key: one that is none of this program's counts as none there."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers that a proxy adds. Behind one, the address of the connection is the proxy's and says nothing about the client."""
NO_CREDENTIAL = (
    "Send an API key: `Authorization: Bearer vv_…`. `vivavoce keys create` makes one on the server; an administrator can "
    "do so with POST /api/v1/keys. People log in with POST /api/v1/login."
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The body of the request cannot be read."},
    401: {"model": schemas.Error, "description": "No credential was sent where one is required, or it is not valid."},
    403: {"model": schemas.Error, "description": "The role of the caller does not include this."},
    413: {"model": schemas.Error, "description": "The body is larger than the server takes."},
    429: {"model": schemas.Error, "description": "A limit of the caller is reached; `Retry-After` says when to try again."},
    422: {"model": schemas.Invalid, "description": "An argument is invalid."},
}
PRINCIPAL = "vivavoce.principal"
"""Where the middleware leaves the principal in the ASGI scope."""

_bearer = HTTPBearer(
    scheme_name="API key",
    description="Optional for clients on the server's own machine, where AUTH is `auto` and HOST is a loopback address.",
    auto_error=False,
)


async def principal_of(connection: HTTPConnection, context: AppContext) -> Principal | None:
    """The principal of the first credential that the request carries; None where it carries none, or a cookie of the past.

    Raises InvalidCredentialError, which becomes a 401, where a key or a ticket is there and not valid.
    """
    scheme, key = get_authorization_scheme_param(connection.headers.get("authorization"))
    if scheme.lower() == "bearer" and (key.startswith(keys.PREFIX) or not is_openai(connection.scope["path"])):
        return await context.authentication.by_key(key)
    if connection.scope["type"] == "websocket" and (ticket := connection.query_params.get("ticket")):
        return await context.authentication.by_ticket(ticket)
    if token := cookies.read(connection, cookies.SESSION):
        return await context.logins.principal(token)
    return None


def is_openai(path: str) -> bool:
    return f"{path}/".startswith(f"{OPENAI}/")


class Authentication:
    """ASGI middleware: sets the actor of each request, and answers 401 where a credential is missing or not valid."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if scope["path"] in PUBLIC or page.is_public(scope["path"]):
            principal = ANONYMOUS
        else:
            try:
                principal = await self._authenticate(connection)
            except HTTPException as refused:
                await JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)(scope, receive, send)
                return
            scope[PRINCIPAL] = principal
        address = connection.client.host if connection.client is not None else None
        with acting_for(Actor(principal, address, connection.headers.get("x-request-id"))):
            await self.app(scope, receive, send)

    async def _authenticate(self, connection: HTTPConnection) -> Principal:
        """Raises HTTPException: a 401, or what says that the database does not answer."""
        try:
            principal = await principal_of(connection, connection.app.state.context)
        except InvalidCredentialError as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": 'Bearer error="invalid_token"'}) from error
        except failures.TYPES as error:
            answer = errors.service_error(error)
            if answer is None:
                raise
            raise answer from error
        if principal is not None:
            return principal
        if self.settings.key_required or not _is_local(connection):
            if connection.scope["path"] in LOGIN:
                return ANONYMOUS
            raise HTTPException(401, NO_CREDENTIAL, {"WWW-Authenticate": "Bearer"})
        return LOCAL


async def authorize(
    connection: HTTPConnection,
    scopes: SecurityScopes,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
) -> None:
    """Answer 403 unless the principal has the roles that `scopes` names."""
    principal: Principal = connection.scope[PRINCIPAL]
    for needed in scopes.scopes:
        if not principal.role.includes(Role(needed)):
            raise HTTPException(403, refusal(Role(needed), principal.role))


def refusal(needed: Role, own: Role) -> str:
    return f"This needs the role '{needed}', and yours is '{own}': ask an administrator."


READER = Security(authorize, scopes=[Role.READER.value])
"""Read, search, export."""
WRITER = Security(authorize, scopes=[Role.WRITER.value])
"""Process, stream, identify, correct."""
ADMIN = Security(authorize, scopes=[Role.ADMIN.value])
"""Delete, restore, settings, keys."""


def _is_local(connection: HTTPConnection) -> bool:
    """Whether a client on this machine connected, and no proxy that passes on the requests of others."""
    return (
        connection.client is not None
        and _is_loopback(connection.client.host)
        and not any(name in connection.headers for name in FORWARDED)
    )


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
