"""Cookies of logins.

Behind TLS their names begin with `__Host-`: browsers then accept them only from this host, with `Secure` and for all paths, so
that neither a neighbouring domain nor an attacker can set them (draft-ietf-httpbis-rfc6265bis, 4.1.3.2). The scheme
is that of the request; where TLS ends at a proxy, the server believes its `X-Forwarded-Proto` if FORWARDED_ALLOW_IPS names it.
"""

from typing import Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION = "vivavoce_session"
"""The token of a session. Strict: no page of another site makes the browser send it, not even by a link."""
OPENID_ATTEMPT = "vivavoce_openid"
"""The secrets of a login with OpenID Connect. Lax: the provider, another site, sends the browser back by a link."""


def read(connection: HTTPConnection, name: str) -> str | None:
    return connection.cookies.get(_full(connection, name))


def keep(
    connection: HTTPConnection, response: Response, name: str, value: str, max_age_s: int, same_site: Literal["strict", "lax"]
) -> None:
    """Let the browser keep the cookie, which scripts cannot read."""
    secure = _secure(connection)
    response.set_cookie(
        _full(connection, name), value, max_age=max_age_s, path="/", secure=secure, httponly=True, samesite=same_site
    )
    response.headers["Cache-Control"] = "no-store"


def drop(connection: HTTPConnection, response: Response, name: str) -> None:
    response.delete_cookie(_full(connection, name), path="/", secure=_secure(connection), httponly=True)


def _full(connection: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if _secure(connection) else name


def _secure(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")
