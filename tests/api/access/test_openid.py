"""Logins with OpenID Connect, at a provider that runs on Authlib's server side."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError
from sqlalchemy import func, select, update

from pipeline.access import Role
from services.access import login_limit
from settings import Settings
from storage.access import people
from storage.access.people import Identity
from storage.postgres.database import Database
from storage.tables import LoginSession, Ticket
from tests.api.access.conftest import Start
from tests.api.access.people import COOKIE, add
from tests.support import openid_provider
from tests.support.application import Application
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, KEY, KEY_BITS, Provider

ANA = "ana@example.org"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts from this address are not limited."""
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ADDRESS", 1000)


def settings_for(provider: Provider) -> dict[str, Any]:
    return {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}


@pytest.fixture
async def application(start: Start, provider: Provider) -> AsyncIterator[Application]:
    async with start(**settings_for(provider)) as found:
        yield found


async def invite(database: Database, name: str = ANA, role: Role = Role.WRITER) -> int:
    """An account that waits for a login with OpenID Connect."""
    async with database.session() as session:
        return (await people.create(session, name, role)).id


async def at_provider(client: httpx.AsyncClient) -> httpx.URL:
    """Start a login and pass the provider's page; the address to which it sends the browser."""
    started = await client.get("/login/openid")
    assert started.status_code == 303, started.text
    async with httpx.AsyncClient(trust_env=False, timeout=120) as outside:
        approved = await outside.get(started.headers["location"])
    assert approved.status_code == 302, approved.text
    return httpx.URL(approved.headers["location"])


async def log_in(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(await at_provider(client))


async def sessions_of(database: Database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(LoginSession)) or 0


async def test_a_person_with_an_account_comes_in(application: Application, database: Database, provider: Provider) -> None:
    ana = await invite(database, "Ana@Example.org")
    client = application.client
    assert (await client.get("/me")).json()["login"] == {"password": False, "openid": True, "auth_required": True}
    answer = await log_in(client)
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0; url=/"' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    me = (await client.get("/me")).json()
    assert (me["principal"], me["name"], me["role"]) == (f"person:{ana}", "Ana@Example.org", "writer")
    async with database.session() as session:
        linked = await people.by_identity(session, Identity(provider.issuer, "subject-1"))
        assert linked is not None
        assert linked.id == ana

    # From now on the subject counts, whatever the address.
    provider.user.email = "new@example.org"
    client.cookies.clear()
    await log_in(client)
    assert (await client.get("/me")).json()["principal"] == f"person:{ana}"


async def test_the_request_has_a_challenge_a_state_and_a_nonce(application: Application) -> None:
    started = await application.client.get("/login/openid")
    sent = parse_qs(urlsplit(started.headers["location"]).query)
    assert sent["response_type"] == ["code"]
    assert sent["redirect_uri"] == ["http://localhost/api/v1/login/openid/callback"]
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["scope"] == ["openid email profile"]
    cookie, *attributes = started.headers["set-cookie"].split("; ")
    assert {attribute.lower() for attribute in attributes} == {"httponly", "max-age=600", "path=/", "samesite=lax"}
    state, nonce, verifier = cookie.partition("=")[2].split(".")
    assert (sent["state"], sent["nonce"]) == ([state], [nonce])
    assert verifier not in started.headers["location"]
    assert len({state, nonce, verifier}) == 3


async def test_the_cookie_of_the_attempt_is_dropped_and_the_one_of_the_session_is_strict(
    application: Application, database: Database
) -> None:
    await invite(database)
    dropped, session = sorted((await log_in(application.client)).headers.get_list("set-cookie"))
    assert dropped.startswith('vivavoce_openid="";')
    assert session.startswith(f"{COOKIE}=")
    assert "samesite=strict" in session.lower()


async def test_the_email_may_be_in_the_userinfo(application: Application, database: Database, provider: Provider) -> None:
    await invite(database)
    provider.email_in_id_token = False
    provider.userinfo = {"sub": "somebody else", "email": ANA, "email_verified": True}
    answer = await log_in(application.client)
    assert (answer.status_code, "somebody else" in answer.json()["detail"]) == (502, True)
    provider.userinfo = None
    assert (await log_in(application.client)).status_code == 200


@pytest.mark.parametrize("case", ["stranger", "unverified", "no email", "disabled", "with a password", "linked to another"])
async def test_nobody_else_comes_in(application: Application, database: Database, provider: Provider, case: str) -> None:
    if case == "with a password":
        await add(database, ANA)
    elif case != "stranger":
        ana = await invite(database)
        async with database.session() as session:
            if case == "disabled":
                await people.set_disabled(session, ana, True)
            elif case == "linked to another":
                await people.link(session, ANA, Identity(provider.issuer, "subject-2"))
    if case == "unverified":
        provider.user.email_verified = False
    elif case == "no email":
        provider.user.email = None
    answer = await log_in(application.client)
    assert answer.status_code == 403
    assert "ask an administrator" in answer.json()["detail"]
    assert "set-cookie" not in answer.headers
    assert await sessions_of(database) == 0


async def test_a_linked_person_who_is_disabled_stays_out(start: Start, database: Database, provider: Provider) -> None:
    async with start(**settings_for(provider), oidc_default_role="reader") as application:
        assert (await log_in(application.client)).status_code == 200
        async with database.session() as session:
            (ana,) = await people.list_all(session)
            await people.set_disabled(session, ana.id, True)
        application.client.cookies.clear()
        assert (await log_in(application.client)).status_code == 403
        assert (await application.client.get("/conversations")).status_code == 401


async def test_with_a_default_role_everyone_comes_in(start: Start, database: Database, provider: Provider) -> None:
    async with start(**settings_for(provider), oidc_default_role="reader") as application:
        client = application.client
        await log_in(client)
        me = (await client.get("/me")).json()
        assert (me["name"], me["role"]) == (ANA, "reader")
        provider.user.subject, provider.user.email_verified, provider.user.name = "subject-2", False, "ana@example.org\0"
        await log_in(client)
        assert (await client.get("/me")).json()["name"] == "ana@example.org (subject-2)"
        await add(database, "bo@example.org")
        provider.user.subject, provider.user.email, provider.user.email_verified = "subject-3", "bo@example.org", True
        answer = await log_in(client)
        assert answer.status_code == 403
        assert "ask an administrator" in answer.json()["detail"]


FORGED: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "other"}},
    "no nonce": {"claims": {"nonce": None}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "another audience": {"claims": {"aud": ["another client"]}},
    "no audience": {"claims": {"aud": None}},
    "two audiences, and not said for which": {"claims": {"aud": [CLIENT_ID, "another client"]}},
    "issued for another party": {"claims": {"azp": "another client"}},
    "expired": {"claims": {"exp": 1}},
    "without end": {"claims": {"exp": None}},
    "from the future": {"claims": {"iat": 2**40, "nbf": 2**40}},
    "no subject": {"claims": {"sub": None}},
    "of another access token": {"claims": {"at_hash": "x" * 22}},
    "no signature": {"algorithm": "none"},
    "signed by another key": {"signing_key": RSAKey.generate_key(KEY_BITS, {"kid": "1"})},
    "signed with the client's secret": {"algorithm": "HS256", "signing_key": OctKey.import_key(CLIENT_SECRET)},
    "signed with the public key as a secret": {"algorithm": "HS256", "signing_key": OctKey.import_key(str(KEY.as_dict()["n"]))},
}


@pytest.mark.usefixtures("unlimited")
async def test_a_wrong_id_token_is_refused(application: Application, database: Database, provider: Provider) -> None:
    await invite(database)
    true = dict(vars(provider))
    for what, changes in FORGED.items():
        for name in ("claims", "algorithm", "signing_key"):
            setattr(provider, name, changes.get(name, true[name]))
        answer = await log_in(application.client)
        assert answer.status_code == 502, what
        assert provider.issuer in answer.json()["detail"]
        assert "set-cookie" not in answer.headers
    assert await sessions_of(database) == 0
    for name in ("claims", "algorithm", "signing_key"):
        setattr(provider, name, true[name])
    assert (await log_in(application.client)).status_code == 200


async def test_a_state_of_another_browser_is_refused(application: Application, database: Database, provider: Provider) -> None:
    """An attacker who lets a victim finish the attacker's login would read what the victim then records."""
    await invite(database)
    address = await at_provider(application.client)
    mine = dict(application.client.cookies)
    for cookies in ({}, {"vivavoce_openid": "a.b.c"}, {"vivavoce_openid": address.params["state"]}):
        application.client.cookies = httpx.Cookies(cookies)
        answer = await application.client.get(address)
        assert answer.status_code == 403
        assert "start it again" in answer.json()["detail"]
    application.client.cookies = httpx.Cookies(mine)
    assert (await application.client.get(address)).status_code == 403  # the state is used up by then
    assert "/token" not in provider.requests


async def test_an_incomplete_answer_is_refused(application: Application, provider: Provider) -> None:
    await at_provider(application.client)
    for sent in ({}, {"state": "x"}, {"code": "x"}, {"state": "\0", "code": "\0"}, {"error": "access_denied"}):
        answer = await application.client.get("/login/openid/callback", params=sent)
        assert answer.status_code == 403
    assert "/token" not in provider.requests


async def test_the_answer_of_a_login_is_valid_once(application: Application, database: Database) -> None:
    await invite(database)
    address = await at_provider(application.client)
    cookies = dict(application.client.cookies)
    assert (await application.client.get(address)).status_code == 200
    application.client.cookies = httpx.Cookies(cookies)
    assert (await application.client.get(address)).status_code == 403


async def test_a_code_is_valid_once(application: Application, database: Database) -> None:
    await invite(database)
    used = await at_provider(application.client)
    assert (await application.client.get(used)).status_code == 200
    fresh = await at_provider(application.client)
    answer = await application.client.get(fresh.copy_set_param("code", used.params["code"]))
    assert answer.status_code == 502
    assert "invalid_grant" in answer.json()["detail"]


async def test_a_stolen_code_is_worth_nothing_in_another_login(
    application: Application, database: Database, provider: Provider
) -> None:
    await invite(database)
    stolen = await at_provider(application.client)
    application.client.cookies.clear()
    own = await at_provider(application.client)
    answer = await application.client.get(own.copy_set_param("code", stolen.params["code"]))
    assert answer.status_code == 502
    assert "Code challenge failed" in answer.json()["detail"]


async def test_a_login_that_takes_too_long_is_refused(application: Application, database: Database) -> None:
    await invite(database)
    address = await at_provider(application.client)
    async with database.session() as session:
        await session.execute(update(Ticket).values(expires_at=func.now()))
    assert (await application.client.get(address)).status_code == 403


async def test_replicas_share_the_state(start: Start, database: Database, provider: Provider) -> None:
    await invite(database)
    async with start(**settings_for(provider)) as one, start(**settings_for(provider)) as other:
        address = await at_provider(one.client)
        other.client.cookies = one.client.cookies
        assert (await other.client.get(address)).status_code == 200


BROKEN: dict[str, dict[str, Any]] = {
    "another issuer": {"metadata": {"issuer": "https://evil.example"}},
    "no https": {"metadata": {"token_endpoint": "ftp://127.0.0.1/token"}},
    "a field is missing": {"metadata": {"jwks_uri": None}},
    "too large": {"padding_bytes": 2**20},
    "compressed": {"headers": {"Content-Encoding": "gzip"}},
}


async def test_a_broken_provider_is_reported(application: Application, provider: Provider) -> None:
    true = dict(vars(provider))
    for what, changes in BROKEN.items():
        for name in ("metadata", "padding_bytes", "headers"):
            setattr(provider, name, changes.get(name, true[name]))
        answer = await application.client.get("/login/openid")
        assert answer.status_code == 502, what
        assert "provider" in answer.json()["detail"]


async def test_a_provider_without_a_supported_algorithm_is_refused(
    application: Application, database: Database, provider: Provider
) -> None:
    await invite(database)
    provider.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256"]}
    provider.algorithm, provider.signing_key = "HS256", OctKey.import_key(CLIENT_SECRET)
    assert (await log_in(application.client)).status_code == 502
    assert await sessions_of(database) == 0


async def test_a_provider_that_is_gone_is_reported(start: Start, provider: Provider) -> None:
    settings = settings_for(provider) | {"oidc_issuer": "http://127.0.0.1:1"}
    async with start(**settings) as application:
        answer = await application.client.get("/login/openid")
    assert answer.status_code == 502
    assert "http://127.0.0.1:1" in answer.json()["detail"]


async def test_a_provider_may_want_the_secret_in_the_form(
    application: Application, database: Database, provider: Provider
) -> None:
    await invite(database)
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await log_in(application.client)).status_code == 200


@pytest.mark.usefixtures("one_period")
async def test_starts_are_limited_for_each_address(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ADDRESS", 1)
    assert (await application.client.get("/login/openid")).status_code == 303
    answer = await application.client.get("/login/openid")
    assert answer.status_code == 429
    assert "retry-after" in answer.headers


async def test_without_a_provider_there_is_no_such_login(start: Start) -> None:
    async with start() as application:
        for path in ("/login/openid", "/login/openid/callback"):
            answer = await application.client.get(path)
            assert answer.status_code == 404
            assert "OIDC_ISSUER" in answer.json()["detail"]


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "http://provider.example", "oidc_client_id": "x"},
        {"oidc_issuer": "ftp://localhost", "oidc_client_id": "x"},
        {"oidc_issuer": "https://[", "oidc_client_id": "x"},
        {"oidc_issuer": "https://provider.example"},
        {"oidc_client_id": "x"},
        {"oidc_issuer": "https://provider.example", "oidc_client_id": "x", "oidc_default_role": "owner"},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**settings)
