"""People, their sessions, tickets and login attempts in the database."""

import asyncio
from datetime import timedelta
from unicodedata import normalize

import pytest
from sqlalchemy import func, select, update

from pipeline.access import Role
from storage.access import login_attempts, people, sessions, tickets
from storage.access.people import Identity, PersonExistsError, PersonNotFoundError
from storage.access.tickets import Holder
from storage.access.tokens import token_hash
from storage.postgres.database import Database
from storage.tables import LoginSession, Ticket, Usage
from storage.tables import Person as PersonRow

DAY = timedelta(days=1)
ANA = Identity("https://issuer.example", "subject-1")


async def person(database: Database, name: str = "ana", hash_: str | None = "hash") -> int:
    async with database.session() as session:
        return (await people.create(session, name, Role.READER, hash_)).id


async def test_an_account_is_created_changed_and_deleted(database: Database) -> None:
    ana = await person(database)
    bo = await person(database, "bo", None)
    async with database.session() as session:
        found = await people.get(session, ana)
        assert (found.name, found.role, found.disabled, found.has_password, found.has_openid) == (
            "ana",
            Role.READER,
            False,
            True,
            False,
        )
        assert (await people.set_role(session, ana, Role.ADMIN)).role is Role.ADMIN
        assert (await people.set_password_hash(session, bo, "new")).has_password
        assert (await people.set_disabled(session, ana, True)).disabled
        assert not (await people.set_disabled(session, ana, False)).disabled
        assert [one.name for one in await people.list_all(session)] == ["ana", "bo"]
        await people.delete_person(session, ana)
        assert [one.name for one in await people.list_all(session)] == ["bo"]


async def test_a_name_belongs_to_one_account(database: Database) -> None:
    await person(database)
    with pytest.raises(PersonExistsError, match="'ana' already exists"):
        await person(database)


async def test_a_name_may_be_typed_in_another_unicode_form(database: Database) -> None:
    jose = await person(database, normalize("NFC", "José"))
    async with database.session() as session:
        assert (await people.by_name(session, normalize("NFD", "José"))).id == jose
        with pytest.raises(PersonNotFoundError):
            await people.by_name(session, "josé")


async def test_what_does_not_exist_is_not_changed(database: Database) -> None:
    async with database.session() as session:
        for change in (
            people.get(session, 9),
            people.by_name(session, "nobody"),
            people.set_role(session, 9, Role.ADMIN),
            people.set_disabled(session, 9, True),
            people.delete_person(session, 9),
        ):
            with pytest.raises(PersonNotFoundError):
                await change


async def test_only_an_account_without_another_login_is_linked_to_an_address(database: Database) -> None:
    await person(database, "ana@example.org", "hash")
    bo = await person(database, "Bo@example.org", None)
    async with database.session() as session:
        assert await people.link(session, "ana@example.org", ANA) is None
        linked = await people.link(session, "bo@EXAMPLE.org", ANA)
        assert linked is not None
        assert (linked.id, linked.has_openid) == (bo, True)
        assert await people.link(session, "bo@example.org", Identity(ANA.issuer, "subject-2")) is None
        found = await people.by_identity(session, ANA)
        assert found is not None
        assert found.id == bo
        assert await people.by_identity(session, Identity("https://other.example", ANA.subject)) is None


async def test_a_session_ends(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        one, two, three = [await sessions.create(session, ana, DAY) for _ in range(3)]
        assert (await session.scalars(select(LoginSession.hash))).all() == [token_hash(token) for token in (one, two, three)]
    async with database.session() as session:
        found = await sessions.person_of(session, one)
        assert found is not None
        assert found.id == ana
        await sessions.end(session, one)
        assert await sessions.person_of(session, one) is None
        await sessions.end_all(session, ana, except_token=two)
        assert await sessions.person_of(session, three) is None
        assert await sessions.person_of(session, two) is not None
        await sessions.end_all(session, ana)
        assert await sessions.person_of(session, two) is None


async def test_a_session_expires_and_is_purged(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        kept, expired = await sessions.create(session, ana, DAY), await sessions.create(session, ana, DAY)
        past = update(LoginSession).where(LoginSession.hash == token_hash(expired))
        await session.execute(past.values(expires_at=func.now() - timedelta(seconds=1)))
        assert await sessions.person_of(session, expired) is None
        await sessions.purge_expired(session)
        assert (await session.scalars(select(LoginSession.hash))).all() == [token_hash(kept)]


async def test_a_session_has_the_present_role_and_none_of_a_disabled_person(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        token = await sessions.create(session, ana, DAY)
        await people.set_role(session, ana, Role.WRITER)
        found = await sessions.person_of(session, token)
        assert found is not None
        assert found.role is Role.WRITER
        await people.set_disabled(session, ana, True)
        assert await sessions.person_of(session, token) is None
        assert await people.password_hash(session, "ana") is None
        assert not await people.lock_unchanged(session, ana)


async def test_a_password_that_changes_during_a_login_opens_no_session(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        assert await people.lock_unchanged(session, ana, "hash")
        changing = asyncio.create_task(change_password(database, ana))
        await sessions.create(session, ana, DAY)  # the change waits for this transaction
    await changing
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(LoginSession)) == 0
        assert not await people.lock_unchanged(session, ana, "hash")


async def change_password(database: Database, person_id: int) -> None:
    async with database.session() as session:
        await people.set_password_hash(session, person_id, "new")
        await sessions.end_all(session, person_id)


async def test_a_deleted_person_leaves_no_session_and_no_ticket(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        await sessions.create(session, ana, DAY)
        await tickets.issue(session, "socket", DAY, person_id=ana)
        await people.delete_person(session, ana)
        for table in (PersonRow, LoginSession, Ticket):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_a_ticket_is_valid_once_for_its_purpose_and_its_time(database: Database) -> None:
    ana = await person(database)
    async with database.session() as session:
        ticket = await tickets.issue(session, "socket", DAY, person_id=ana)
        expired = await tickets.issue(session, "socket", timedelta(seconds=-1))
        assert await tickets.redeem(session, ticket, "first_account") is None
        assert await tickets.redeem(session, expired, "socket") is None
        assert await tickets.redeem(session, "\ud800", "socket") is None
        assert await tickets.redeem(session, ticket, "socket") == Holder(ana, None)
        assert await tickets.redeem(session, ticket, "socket") is None


async def test_expired_and_withdrawn_tickets_are_deleted(database: Database) -> None:
    async with database.session() as session:
        kept, _expired, _withdrawn = [
            await tickets.issue(session, purpose, lifetime)
            for purpose, lifetime in (("socket", DAY), ("socket", -DAY), ("first_account", DAY))
        ]
        await tickets.purge_expired(session)
        await tickets.withdraw(session, "first_account")
        assert (await session.scalars(select(Ticket.hash))).all() == [token_hash(kept)]


async def test_attempts_at_the_same_time_do_not_pass_the_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_attempts, "PERIOD", timedelta(days=10**6))  # which does not end during the test

    async def attempt() -> float | None:
        async with database.session() as session:
            return await login_attempts.count(session, "account:x", 3)

    waits = await asyncio.gather(*(attempt() for _ in range(8)))
    refused = [wait for wait in waits if wait is not None]
    assert len(refused) == 5
    assert all(0 < wait <= login_attempts.PERIOD.total_seconds() for wait in refused)


async def test_numbers_of_attempts_are_forgotten_and_purged(database: Database) -> None:
    async with database.session() as session:
        for origin in ("account:x", "address:y"):
            await login_attempts.count(session, origin, 9)
        await login_attempts.forget(session, ["account:x"])
        assert (await session.scalars(select(Usage.principal))).all() == ["address:y"]
        await login_attempts.purge_ended(session)
        assert (await session.scalars(select(Usage.principal))).all() == ["address:y"]
        await session.execute(update(Usage).values(period_start=Usage.period_start - login_attempts.PERIOD))
        await login_attempts.purge_ended(session)
        assert (await session.scalars(select(Usage.principal))).all() == []
