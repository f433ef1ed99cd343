"""The OpenID provider: its metadata and keys, the authorization request, and the validated identity of the user.

Authorization code flow with PKCE, https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth. Metadata and keys are
fetched for each login: logins are rare, and a provider may change its keys at any time.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError

from settings import Settings
from storage.access.people import Identity
from storage.access.tokens import new_token

SCOPE = "openid email profile"
TIMEOUT_S = 15.0
"""For all requests of one step together."""
MAX_RESPONSE_BYTES = 2**20
LEEWAY_S = 60
"""Between the clocks of the provider and this machine."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key that only the provider has. Not `none`, and no HMAC by the client's secret."""
PROVIDER_FAILURES = (AuthlibBaseError, JoseError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TimeoutError, RecursionError)
"""RecursionError: JSON of the provider that is nested too deeply."""


class ProviderError(Exception):
    """The provider does not answer, or not as specified; the message gives an administrator the cause."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The secrets of one login. The browser keeps them in a cookie."""

    state: str
    """Returned by the provider's redirect: it belongs to a login that this browser began."""
    nonce: str
    """Returned in the ID token, which was therefore issued for this login."""
    verifier: str
    """Sent with the code, which is worth nothing without it (PKCE)."""

    @classmethod
    def new(cls, state: str) -> "Attempt":
        return cls(state, new_token(), new_token())

    @classmethod
    def from_text(cls, text: str | None) -> "Attempt | None":
        """None where `text` is not what `as_text` returned."""
        parts = (text or "").split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    def as_text(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}"


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says about someone who logged in."""

    identity: Identity
    email: str | None
    """Verified by the provider."""
    name: str | None
    """As they chose it, not unique."""


class _Metadata(BaseModel):
    """Of OpenID Connect Discovery 1.0, section 3; the fields that are used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: Sequence[str] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: Sequence[str] = ("RS256",)


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


class _UserInfo(BaseModel):
    """Of the ID token or the UserInfo endpoint. Some providers write booleans as strings."""

    sub: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    preferred_username: str | None = None


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Refuses responses that are too large, or compressed: the size of these is known only after decompression."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        try:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise ProviderError("The OpenID provider compresses its answers although it was asked not to.")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    raise ProviderError(f"An answer of the OpenID provider is larger than {MAX_RESPONSE_BYTES >> 10} KB.")
        finally:
            await response.aclose()
        return httpx2.Response(response.status_code, headers=response.headers, content=bytes(body))


class OpenIDProvider:
    """The provider of the settings OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer or ""
        self._client_id = settings.oidc_client_id or ""
        self._secret = settings.oidc_client_secret and settings.oidc_client_secret.get_secret_value()
        self._tls: ssl.SSLContext | None = None

    async def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser goes to log in. Raises ProviderError."""
        async with self._connected(redirect_uri) as (client, metadata):
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint, state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
            )
        return str(url)

    async def identify(self, attempt: Attempt, redirect_uri: str, code: str) -> Claims:
        """Exchange the code of the provider's redirect for the identity. Raises ProviderError."""
        async with self._connected(redirect_uri) as (client, metadata):
            token = await client.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=attempt.verifier
            )
            keys = _Keys.model_validate_json(await _read(client, metadata.jwks_uri))
            user = self._user(token, metadata, keys, attempt.nonce)
            if user.email is None and metadata.userinfo_endpoint is not None:  # the ID token need not have it
                more = _UserInfo.model_validate_json(await _read(client, metadata.userinfo_endpoint, withhold_token=False))
                if more.sub != user.sub:
                    raise ProviderError("The OpenID provider's UserInfo is about somebody else.")
                user = more
        email = user.email if user.email_verified else None
        return Claims(Identity(metadata.issuer, user.sub), email, user.preferred_username or user.name)

    def _user(self, token: dict[str, Any], metadata: _Metadata, keys: _Keys, nonce: str) -> _UserInfo:
        """The claims of the validated ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        algorithms = [name for name in metadata.id_token_signing_alg_values_supported if name in ALGORITHMS]
        if not algorithms:  # an empty list would allow all algorithms
            raise ProviderError("The OpenID provider signs its ID tokens with no algorithm that is supported.")
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        decoded = jwt.decode(str(token.get("id_token", "")), _key_set(keys), registry=registry)
        expected = {"iss": metadata.issuer, "aud": self._client_id, "nonce": nonce}
        options = {claim: {"essential": True, "value": value} for claim, value in expected.items()}
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(leeway=LEEWAY_S)
        return _UserInfo.model_validate(claims)

    @asynccontextmanager
    async def _connected(self, redirect_uri: str) -> AsyncIterator[tuple[AsyncOAuth2Client, _Metadata]]:
        """A client for the requests of one step; everything that goes wrong at the provider becomes a ProviderError."""
        if self._tls is None:  # reading the certificates of authorities takes tens of milliseconds
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        # No proxy of the environment: its transport would have no bounds.
        transport = _BoundedTransport(verify=self._tls, trust_env=False)
        client = AsyncOAuth2Client(
            self._client_id,
            self._secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            transport=transport,
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S), client:
                metadata = await self._metadata(client)
                client.token_endpoint_auth_method = self._auth_method(metadata)
                yield client, metadata
        except PROVIDER_FAILURES as error:
            raise ProviderError(f"The OpenID provider {self._issuer} did not confirm the login: {_reason(error)}.") from error

    async def _metadata(self, client: AsyncOAuth2Client) -> _Metadata:
        content = await _read(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        metadata = _Metadata.model_validate_json(content)
        if metadata.issuer != self._issuer:
            raise ProviderError(f"The provider at OIDC_ISSUER is {metadata.issuer[:200]!r}; set OIDC_ISSUER to exactly this.")
        endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        schemes = {urlsplit(endpoint).scheme for endpoint in (*endpoints, metadata.userinfo_endpoint or self._issuer)}
        if not schemes <= {"https", urlsplit(self._issuer).scheme}:
            raise ProviderError("The OpenID provider names addresses that are not https.")
        return metadata

    def _auth_method(self, metadata: _Metadata) -> str:
        if not self._secret:
            return "none"
        basic = "client_secret_basic" in metadata.token_endpoint_auth_methods_supported
        return "client_secret_basic" if basic else "client_secret_post"


async def _read(client: AsyncOAuth2Client, url: str, *, withhold_token: bool = True) -> bytes:
    response: httpx2.Response = await client.request("GET", url, withhold_token=withhold_token)
    response.raise_for_status()
    return response.content


def _key_set(keys: _Keys) -> KeySet:
    """The keys of known types; a provider may have others, too."""
    known: list[Key] = []
    for key in keys.keys:
        with suppress(JoseError, ValueError):
            known.append(import_key(key))
    return KeySet(known)


def _reason(error: BaseException) -> str:
    """One line, without the values that a validation error contains: an ID token is a secret."""
    if isinstance(error, ValidationError):
        return f"{error.error_count()} fields of its answer are wrong"
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")[:200]
