"""The outermost layer of the application: which hosts it answers to, and which web pages may call it.

A browser on this machine reaches a server on loopback for any page that it shows. Three things keep such pages out:

* `Host` must name this server. A page of another name that later resolves to this machine (DNS rebinding) sends that name.
* A request that may change something, a WebSocket and MCP require that the page is this server's own or of `CORS_ORIGINS`.
  Browsers say so in `Origin` and `Sec-Fetch-Site`; other programs send neither and pass.
* Answers carry headers that keep pages of others from reading, embedding and framing them.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.endpoint import PATH as MCP_PATH
from pipeline.origins import Authority, Origin
from settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not bound to
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for requests of the server's own pages, and of the browser's user."""
POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
PROBES = frozenset({"/health/live", "/health/ready"})
"""Load balancers and Kubernetes request these under the address of a machine or a pod, or under no host at all."""

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}
"""Of every answer, unless a route sets its own."""


class Guard:
    """ASGI middleware for HTTP and WebSockets, which also answers for CORS."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        bound = Authority.parse(f"[{settings.host}]" if ":" in settings.host else settings.host)
        own = {bound.host} if bound else set()
        self.hosts = LOOPBACK | own | set(settings.allowed_hosts)
        # No page can take an address as its name, so that an address in `Host` is no DNS rebinding.
        self.any_address = not WILDCARDS.isdisjoint(own)
        self.origins = frozenset(filter(None, map(Origin.parse, settings.cors_origins)))
        self.app = CORSMiddleware(app, settings.cors_origins, allow_methods=["*"], allow_headers=["*"], allow_credentials=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        # A page's `<audio>` names it in `Referer` alone.
        allowed = self.origins.intersection(filter(None, map(_origin_of, headers.getlist("referer"))))
        resource_policy = "cross-origin" if allowed else "same-origin"

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    answer.setdefault(name, value)
                answer["Cross-Origin-Resource-Policy"] = resource_policy
            await send(message)

        if refusal is None:
            await self.app(scope, receive, secured)
        elif scope["type"] == "http":
            await refusal(scope, receive, secured)
        else:  # the server answers 403; for an answer with a body uvicorn would log an error
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if safe and scope["path"] in PROBES:
            return None
        host = _only(headers.getlist("host"))
        authority = None if host is None else Authority.parse(host)
        if authority is None:
            return _refused(400, "Send one Host header, with the name or the address of this server.")
        if authority.host not in self.hosts and not (self.any_address and authority.is_address):
            name = authority.host
            return _refused(403, f"This server does not answer to the host {name}. If it is its name, add it to ALLOWED_HOSTS.")
        if (safe and not _is_mcp(scope["path"])) or self._may_call(headers, authority):
            return None
        return _refused(403, "Pages of other origins may not call this. If the page is yours, add its origin to CORS_ORIGINS.")

    def _may_call(self, headers: Headers, host: Authority) -> bool:
        """Whether the request comes from a program, from a page of this server, or from one of an allowed origin."""
        if origins := headers.getlist("origin"):
            text = _only(origins)
            origin = None if text is None else Origin.parse(text)
            if origin in self.origins:
                return True
            if origin is None or not origin.is_served_by(host):
                return False
        return OWN_SITES.issuperset(headers.getlist("sec-fetch-site"))


def _is_mcp(path: str) -> bool:
    """MCP wants the origin of every request checked (Security Warning of its streamable HTTP transport)."""
    return path.rstrip("/") == MCP_PATH


def _origin_of(url: str) -> Origin | None:
    scheme, separator, rest = url.partition("://")
    return Origin.parse(scheme + separator + rest.partition("/")[0])


def _only(values: Collection[str]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def _refused(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"detail": reason}, status)
