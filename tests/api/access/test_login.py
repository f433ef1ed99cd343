"""Logins with a password: the cookie, what ends a session, and the limit of attempts."""

import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select, update

from api import security
from pipeline.access import Principal, Role
from services.access import login_limit, passwords
from services.access.authentication import InvalidCredentialError
from storage.access import people, sessions
from storage.access.tokens import token_hash
from storage.postgres.database import Database
from storage.tables import AuditEntry, LoginSession, Usage
from storage.tables import Person as PersonRow
from tests.api.access.conftest import Start
from tests.api.access.people import COOKIE, OTHER_PASSWORD, PASSWORD, add, log_in
from tests.support.application import Application

REFUSED = {"detail": "The name or the password is wrong."}


def browser(application: Application, base_url: str = "http://localhost/api/v1") -> httpx.AsyncClient:
    """A client with cookies of its own."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(application.app), base_url=base_url)


async def test_a_login_opens_the_routes_of_the_role(application: Application, database: Database) -> None:
    ana = await add(database, "ana", Role.WRITER)
    client = application.client
    assert (await client.get("/conversations")).status_code == 401
    anonymous = (await client.get("/me")).json()
    assert anonymous == {
        "principal": None,
        "name": None,
        "role": None,
        "login": {"password": True, "openid": False, "auth_required": True},
    }
    answer = await log_in(client, "ana")
    assert answer.status_code == 200
    assert answer.json() == anonymous | {"principal": f"person:{ana.id}", "name": "ana", "role": "writer"}
    assert (await client.get("/me")).json() == answer.json()
    assert (await client.get("/conversations")).status_code == 200
    assert (await client.delete("/profiles/x")).status_code == 403
    async with database.session() as session:
        logins = select(AuditEntry.principal, AuditEntry.object, AuditEntry.outcome).where(AuditEntry.action == "login")
        assert [tuple(login) for login in await session.execute(logins)] == [(f"person:{ana.id}", f"person:{ana.id}", "ok")]


async def test_the_cookie_is_for_this_site_only_and_its_token_is_stored_as_a_hash(
    application: Application, database: Database
) -> None:
    await add(database, "ana")
    answer = await log_in(application.client, "ana")
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert sorted(map(str.lower, attributes)) == ["httponly", f"max-age={14 * 24 * 3600}", "path=/", "samesite=strict"]
    assert answer.headers["cache-control"] == "no-store"
    token = answer.cookies[COOKIE]
    assert len(token) == 43  # 32 bytes in base64
    async with database.session() as session:
        assert (await session.scalars(select(LoginSession.hash))).all() == [token_hash(token)]


async def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(application: Application, database: Database) -> None:
    await add(database, "ana")
    async with browser(application, "https://localhost/api/v1") as client:
        answer = await log_in(client, "ana")
        name, *attributes = answer.headers["set-cookie"].split("; ")
        assert name.startswith(f"__Host-{COOKIE}=")
        assert {"secure", "path=/"} <= {attribute.lower() for attribute in attributes}
        assert (await client.get("/conversations")).status_code == 200
        # A cookie that a neighbouring domain could have set.
        stray = httpx.Cookies({COOKIE: answer.cookies[f"__Host-{COOKIE}"]})
    async with browser(application, "https://localhost/api/v1") as client:
        client.cookies = stray
        assert (await client.get("/conversations")).status_code == 401


async def test_all_refusals_are_the_same_and_cost_the_same(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await add(database, "ana")
    bo = await add(database, "bo")
    async with database.session() as session:
        await people.set_disabled(session, bo.id, True)
        await people.create(session, "openid@example.org", Role.READER)
    verified: list[str] = []
    verify = Argon2Hasher.verify

    def counted(self: Argon2Hasher, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002
        verified.append(str(hash))
        return verify(self, password, hash)

    monkeypatch.setattr(Argon2Hasher, "verify", counted)
    refused = [("ana", OTHER_PASSWORD), ("bo", PASSWORD), ("nobody", PASSWORD), ("openid@example.org", PASSWORD)]
    for name, password in refused:
        answer = await log_in(application.client, name, password)
        assert (answer.status_code, answer.json()) == (401, REFUSED)
        assert "set-cookie" not in answer.headers
    assert len(verified) == len(refused)
    parameters = {hash_.rsplit("$", 2)[0] for hash_ in verified}
    assert len(parameters) == 1
    async with database.session() as session:
        of_accounts = select(AuditEntry.object, AuditEntry.outcome).where(AuditEntry.action == "login")
        assert [tuple(entry) for entry in await session.execute(of_accounts)] == [(f"person:{ana.id}", "denied")]


async def test_passwords_are_hashed_on_threads(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, "ana", Role.ADMIN)
    threads: list[int] = []
    for name in ("verify_and_update", "hash"):
        method = getattr(PasswordHash, name)

        def recorded(self: PasswordHash, *args: str, method: Any = method) -> Any:
            threads.append(threading.get_ident())
            return method(self, *args)

        monkeypatch.setattr(PasswordHash, name, recorded)
    await log_in(application.client, "ana")
    await application.client.post("/people", json={"name": "bo", "password": OTHER_PASSWORD})
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_a_hash_of_other_parameters_is_replaced_by_the_recommended_ones(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHash.recommended())
    await add(database, "ana")
    assert (await log_in(application.client, "ana")).status_code == 200
    async with database.session() as session:
        renewed = await session.scalar(select(PersonRow.password_hash))
    assert renewed is not None
    assert "m=65536,t=3,p=4" in renewed
    assert (await log_in(application.client, "ana")).status_code == 200


@pytest.mark.usefixtures("one_period")
async def test_attempts_at_an_account_are_limited_on_all_replicas(
    start: Start, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ACCOUNT", 3)
    await add(database, "ana")
    await add(database, "bo")
    async with start() as one, start() as other:
        for application in (one, other, one):
            assert (await log_in(application.client, "ana", OTHER_PASSWORD)).status_code == 401
        for application in (one, other):
            answer = await log_in(application.client, "ana")
            assert answer.status_code == 429
            assert "too many attempts" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
        assert (await log_in(one.client, "bo")).status_code == 200
    async with database.session() as session:
        stored = (await session.scalars(select(Usage.principal))).all()
    assert not any("ana" in principal for principal in stored)


@pytest.mark.usefixtures("one_period")
async def test_a_success_resets_the_account_but_not_the_address(
    application: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ACCOUNT", 2)
    monkeypatch.setattr(login_limit, "ATTEMPTS_PER_ADDRESS", 4)
    await add(database, "ana")
    for password, status in ((OTHER_PASSWORD, 401), (PASSWORD, 200), (OTHER_PASSWORD, 401), (PASSWORD, 200), (PASSWORD, 429)):
        assert (await log_in(application.client, "ana", password)).status_code == status
    assert (await log_in(application.client, "nobody")).status_code == 429


def test_addresses_of_an_ipv6_network_count_as_one() -> None:
    assert login_limit.of_address("2001:db8::1") == login_limit.of_address("2001:db8::ffff:1")
    assert login_limit.of_address("2001:db8::1") != login_limit.of_address("2001:db8:0:1::1")
    assert login_limit.of_address("192.0.2.1") != login_limit.of_address("192.0.2.2")
    assert login_limit.of_address("::ffff:192.0.2.1") != login_limit.of_address("::ffff:192.0.2.2")
    assert login_limit.of_address(None) != login_limit.of_address("192.0.2.1")


async def test_a_session_expires(application: Application, database: Database) -> None:
    await add(database, "ana")
    await log_in(application.client, "ana")
    async with database.session() as session:
        await session.execute(update(LoginSession).values(expires_at=func.now() - timedelta(seconds=1)))
    assert (await application.client.get("/conversations")).status_code == 401


async def test_the_lifetime_of_a_session_is_a_setting(start: Start, database: Database) -> None:
    await add(database, "ana")
    async with start(session_days=0.5) as application:
        answer = await log_in(application.client, "ana")
    assert "max-age=43200" in answer.headers["set-cookie"].lower()
    async with database.session() as session:
        lifetime = await session.scalar(select(LoginSession.expires_at - LoginSession.created_at))
    assert lifetime == timedelta(hours=12)


async def test_a_logout_ends_the_session(application: Application, database: Database) -> None:
    await add(database, "ana")
    token = (await log_in(application.client, "ana")).cookies[COOKIE]
    answer = await application.client.post("/logout")
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    application.client.cookies.set(COOKIE, token)
    assert (await application.client.get("/conversations")).status_code == 401
    assert (await application.client.post("/logout")).status_code == 204


async def test_disabling_ends_all_sessions_for_good(application: Application, database: Database) -> None:
    await add(database, "admin", Role.ADMIN)
    ana = await add(database, "ana")
    await log_in(application.client, "admin")
    async with browser(application) as client:
        await log_in(client, "ana")
        assert (await client.get("/conversations")).status_code == 200
        await application.client.patch(f"/people/{ana.id}", json={"disabled": True})
        assert (await client.get("/conversations")).status_code == 401
        assert (await log_in(client, "ana")).status_code == 401
        await application.client.patch(f"/people/{ana.id}", json={"disabled": False})
        assert (await client.get("/conversations")).status_code == 401
        assert (await log_in(client, "ana")).status_code == 200


async def test_a_new_role_takes_effect_at_once(application: Application, database: Database) -> None:
    await add(database, "admin", Role.ADMIN)
    ana = await add(database, "ana", Role.ADMIN)
    await log_in(application.client, "admin")
    async with browser(application) as client:
        await log_in(client, "ana")
        assert (await client.get("/people")).status_code == 200
        await application.client.patch(f"/people/{ana.id}", json={"role": "reader"})
        assert (await client.get("/people")).status_code == 403
        assert (await client.get("/me")).json()["role"] == "reader"


async def test_a_ticket_for_a_socket_is_the_persons(application: Application, database: Database) -> None:
    ana = await add(database, "ana", Role.WRITER)
    await log_in(application.client, "ana")
    authentication = application.context.authentication
    first, second = [(await application.client.post("/streaming/ticket")).json()["ticket"] for _ in range(2)]
    assert await authentication.by_ticket(first) == Principal(f"person:{ana.id}", Role.WRITER, ana.id)
    async with database.session() as session:
        await people.set_disabled(session, ana.id, True)
    with pytest.raises(InvalidCredentialError):
        await authentication.by_ticket(second)


async def test_a_new_password_ends_the_other_sessions(application: Application, database: Database) -> None:
    await add(database, "ana")
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    await log_in(application.client, "ana")
    async with browser(application) as other:
        await log_in(other, "ana")
        wrong = await application.client.post("/me/password", json=change | {"current_password": OTHER_PASSWORD})
        assert (wrong.status_code, wrong.json()) == (401, REFUSED)
        short = await application.client.post("/me/password", json=change | {"new_password": "short"})
        assert short.status_code == 400
        assert (await other.get("/conversations")).status_code == 200
        assert (await application.client.post("/me/password", json=change)).status_code == 204
        assert (await application.client.get("/conversations")).status_code == 200
        assert (await other.get("/conversations")).status_code == 401
        assert (await log_in(other, "ana", PASSWORD)).status_code == 401
        assert (await log_in(other, "ana", OTHER_PASSWORD)).status_code == 200


async def test_an_account_without_a_password_gets_none_from_a_session(application: Application, database: Database) -> None:
    async with database.session() as session:
        bo = await people.create(session, "bo@example.org", Role.READER)
        application.client.cookies.set(COOKIE, await sessions.create(session, bo.id, timedelta(days=1)))
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = await application.client.post("/me/password", json=change)
    assert answer.status_code == 409
    assert "ask an administrator" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "\\u0000", "password": "x"}',
        b'{"name": "\\ud800", "password": "x"}',
        b'{"name": "ana", "password": ""}',
        b'{"name": ["ana"], "password": {}}',
        b'{"name": "ana", "password": "' + b"x" * 257 + b'"}',
        b'{"name": "' + b"x" * 201 + b'", "password": "x"}',
    ],
)
async def test_malformed_credentials_are_refused_and_not_repeated(application: Application, body: bytes) -> None:
    answer = await application.client.post("/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "xxx" not in answer.text


async def test_a_password_may_have_any_characters(application: Application, database: Database) -> None:
    await add(database, "admin", Role.ADMIN)
    await log_in(application.client, "admin")
    password = "  Ünïcödé, пароль, 密码 😀  "
    assert (await application.client.post("/people", json={"name": "bo", "password": password})).status_code == 201
    async with browser(application) as client:
        assert (await log_in(client, "bo", password.strip())).status_code == 401
        assert (await log_in(client, "bo", password)).status_code == 200


@pytest.mark.parametrize(
    ("password", "reason"),
    [("x" * 14, "fewer than 15"), ("abcab" * 3, "too easy"), ("a person called ana", None), ("ana-of-the-moon", "too easy")],
)
def test_rules_of_passwords(password: str, reason: str | None) -> None:
    if reason is None:
        passwords.check(password, "Ana-of-the-moon")
    else:
        with pytest.raises(passwords.UnsuitablePasswordError, match=reason):
            passwords.check(password, "Ana-of-the-moon")


async def test_equivalent_characters_are_the_same_password() -> None:
    hasher = passwords.PasswordHasher()
    hash_ = await hasher.hash("e\u0301tude for two pianos")
    assert await hasher.matches("\u00e9tude for two pianos", hash_) == (True, None)
    assert await hasher.matches("etude for two pianos", hash_) == (False, None)


@pytest.mark.parametrize("path", sorted(security.LOGIN))
async def test_what_anyone_may_send_is_small(application: Application, path: str) -> None:
    answer = await application.client.post(f"http://localhost{path}", content=bytes(2**16 + 1))
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The request is larger than 64 KB."}
