"""A small OpenID provider on Authlib's server side, on a real HTTP server on loopback. It approves every login of its user.

A test changes what the provider says: the claims of the ID token, how it is signed, its metadata.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID = "vivavoce"
CLIENT_SECRET = "the secret of the client"
KEY_BITS = 2048
KEY = RSAKey.generate_key(KEY_BITS, {"kid": "1", "use": "sig"})
STRANGE_KEY = {"kty": "NEW", "kid": "0"}
"""Of a type that clients do not know."""


@dataclass
class User:
    subject: str = "subject-1"
    email: str | None = "ana@example.org"
    email_verified: bool = True
    name: str | None = "Ana"

    def claims(self, *, with_email: bool = True) -> dict[str, Any]:
        email = {"email": self.email, "email_verified": self.email_verified} if with_email and self.email else {}
        return {"sub": self.subject, "name": self.name} | email


@dataclass
class Provider:
    port: int
    user: User = field(default_factory=User)
    email_in_id_token: bool = True
    userinfo: dict[str, Any] | None = None
    """Instead of the user's."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Of the ID token, instead of the true ones; None leaves a claim out."""
    algorithm: str = "RS256"
    signing_key: RSAKey | OctKey = field(default_factory=lambda: KEY)
    metadata: dict[str, Any] = field(default_factory=dict)
    """Instead of the true ones."""
    padding_bytes: int = 0
    """Added to the discovery document."""
    headers: dict[str, str] = field(default_factory=dict)
    """Added to the discovery document."""
    requests: list[str] = field(default_factory=list)
    """The paths of all requests, in order."""
    codes: dict[str, "Code"] = field(default_factory=dict)
    access_tokens: set[str] = field(default_factory=set)
    redirect_uris: set[str] = field(default_factory=set)
    """Where it sends browsers back to; empty: anywhere."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "padding": "x" * self.padding_bytes,
        } | self.metadata


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types
    """An authorization code with the methods that `AuthorizationCodeGrant` calls."""

    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    value: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> None: ...
    def get_acr(self) -> None: ...
    def get_amr(self) -> None: ...


class _Client(ClientMixin):  # type: ignore[misc]
    def __init__(self, provider: Provider) -> None:
        self.redirect_uris = provider.redirect_uris

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, uri: str) -> bool:
        return not self.redirect_uris or uri in self.redirect_uris

    def check_client_secret(self, secret: str) -> bool:
        return secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return kind == "authorization_code"


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        sent = request.payload.data
        self.server.provider.codes[code] = Code(
            sent["redirect_uri"],
            sent["scope"],
            sent.get("nonce"),
            sent["code_challenge"],
            sent["code_challenge_method"],
            code,
        )

    def query_authorization_code(self, code: str, _client: _Client) -> Code | None:
        found: Code | None = self.server.provider.codes.get(code)
        return found

    def delete_authorization_code(self, code: Code) -> None:
        del self.server.provider.codes[code.value]

    def authenticate_user(self, _code: Code) -> User:
        user: User = self.server.provider.user
        return user


class _IdToken(OpenIDCode):  # type: ignore[misc]
    def __init__(self, provider: Provider) -> None:
        super().__init__(require_nonce=True)
        self.provider = provider

    def exists_nonce(self, _nonce: str, _request: OAuth2Request) -> bool:
        return False

    def resolve_client_private_key(self, _client: _Client) -> RSAKey:
        return KEY

    def get_client_claims(self, _client: _Client) -> dict[str, Any]:
        return {"iss": self.provider.issuer}

    def generate_user_info(self, user: User, _scope: str) -> UserInfo:
        return UserInfo(user.claims(with_email=self.provider.email_in_id_token))

    def encode_id_token(self, token: dict[str, Any], request: OAuth2Request) -> str:
        """The true token, or what the test makes of it."""
        true = str(super().encode_id_token(token, request))
        provider = self.provider
        if not provider.claims and provider.algorithm == "RS256" and provider.signing_key is KEY:
            return true
        claims = jwt.decode(true, KEY).claims | provider.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        if provider.algorithm == "none":
            return ".".join((_encoded({"alg": "none"}), _encoded(claims), ""))
        header = {"alg": provider.algorithm, "kid": "1"}
        return jwt.encode(header, claims, provider.signing_key, [provider.algorithm])


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator("default", BearerTokenGenerator(self._access_token))
        self.register_grant(_Grant, [_IdToken(provider), CodeChallenge(required=True)])

    def _access_token(self, **_: Any) -> str:
        token = f"access-{len(self.provider.access_tokens)}"
        self.provider.access_tokens.add(token)
        return token

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self.provider) if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None: ...
    def send_signal(self, *_: Any, **__: Any) -> None: ...

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> tuple[int, Any, dict[str, str]]:
        return status, body, dict(headers)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, path: str, headers: dict[str, str], parameters: dict[str, str]) -> None:
        super().__init__(method, f"https://provider.test{path}", headers=headers)  # Authlib refuses plain HTTP
        self.payload = BasicOAuth2Payload(parameters)
        self.parameters = parameters

    @property
    def args(self) -> dict[str, str]:
        return self.parameters

    @property
    def form(self) -> dict[str, str]:
        return self.parameters


@contextmanager
def running() -> Iterator[Provider]:
    """A provider that answers until the block ends."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = http.provider = Provider(http.server_port)  # type: ignore[attr-defined]
    http.authorization = _Server(provider)  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        provider = self._provider()
        if url.path == "/.well-known/openid-configuration":
            self._answer(200, provider.discovery(), provider.headers)
        elif url.path == "/jwks":
            self._answer(200, {"keys": [STRANGE_KEY, KEY.as_dict(private=False)]})
        elif url.path == "/userinfo":
            known = self.headers.get("Authorization", "").removeprefix("Bearer ") in provider.access_tokens
            self._answer(200 if known else 401, provider.userinfo or provider.user.claims())
        elif url.path == "/authorize":
            request = _Request("GET", self.path, dict(self.headers), dict(parse_qsl(url.query)))
            server = self._authorization()
            grant = server.get_consent_grant(request, provider.user)
            self._answer(*server.create_authorization_response(request, provider.user, grant))
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        self._provider()
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        request = _Request("POST", self.path, dict(self.headers), dict(parse_qsl(content)))
        self._answer(*self._authorization().create_token_response(request))

    def _provider(self) -> Provider:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        provider.requests.append(urlsplit(self.path).path)
        return provider

    def _authorization(self) -> _Server:
        found: _Server = self.server.authorization  # type: ignore[attr-defined]
        return found

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        sent = {"Content-Length": str(len(content)), "Content-Type": "application/json"} | (headers or {})
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
