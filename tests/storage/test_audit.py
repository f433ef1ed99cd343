"""The audit log: entries are part of the change that they record, and nothing changes them afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from pipeline.access import LOCAL, Principal, Role
from services.access import audit
from services.access.actor import Actor, act_for
from storage.access import audit as log
from storage.postgres.database import Database
from storage.tables import AuditEntry

ALICE = Actor(Principal("person:7", Role.WRITER, person_id=7), address="192.0.2.7", request_id="r1")


async def _entries(database: Database, filters: log.Filters | None = None) -> list[log.Entry]:
    async with database.session() as session:
        found, total = await log.page(session, filters or log.Filters(), 0, 100)
    assert total == len(found)
    return list(found)


async def test_an_entry_names_the_principal_of_the_request(database: Database) -> None:
    act_for(ALICE)
    started = datetime.now(UTC)
    async with database.session() as session:
        await audit.record(session, "speaker.rename", "speaker:12")
    (entry,) = await _entries(database, log.Filters(since=started - timedelta(seconds=5), principal="person:7"))
    assert (entry.principal, entry.action, entry.object, entry.outcome) == ("person:7", "speaker.rename", "speaker:12", "ok")
    assert (entry.request_id, entry.address) == ("r1", "192.0.2.7")


async def test_without_a_request_the_principal_is_the_local_client(database: Database) -> None:
    await audit.record_alone(database, "login.password", outcome=audit.FAILED)
    (entry,) = await _entries(database, log.Filters(action="login.password"))
    assert (entry.principal, entry.outcome, entry.address) == (LOCAL.name, "failed", None)


async def test_an_entry_is_rolled_back_with_its_change(database: Database) -> None:
    async with database.session() as session:
        await audit.record(session, "rolled.back")
        await session.rollback()
    assert await _entries(database, log.Filters(action="rolled.back")) == []


@pytest.mark.parametrize(
    "change",
    [
        update(AuditEntry).values(principal="nobody"),
        delete(AuditEntry),
        text("TRUNCATE audit_log"),
        text("UPDATE audit_log SET outcome = 'ok' WHERE false"),
    ],
    ids=str,
)
async def test_entries_cannot_be_changed_or_deleted(database: Database, change: object) -> None:
    await audit.record_alone(database, "kept.entry")
    with pytest.raises(DBAPIError, match="not changed or deleted"):
        async with database.session() as session:
            await session.execute(change)  # type: ignore[call-overload]
    assert await _entries(database, log.Filters(action="kept.entry"))


async def test_filters_and_pages(database: Database) -> None:
    act_for(ALICE)
    async with database.session() as session:
        for number in range(5):
            await audit.record(session, "page.turn", f"page:{number}")
        await audit.record(session, "pager.turn", outcome=audit.DENIED)
    kind = log.Filters(action="page")
    assert [entry.object for entry in await _entries(database, kind)] == [f"page:{n}" for n in (4, 3, 2, 1, 0)]
    async with database.session() as session:
        found, total = await log.page(session, kind, 1, 2)
    assert [entry.object for entry in found] == ["page:3", "page:2"]
    assert total == 5
    assert [entry.action for entry in await _entries(database, log.Filters(action="pager", outcome="denied"))] == ["pager.turn"]
    assert await _entries(database, log.Filters(action="page", until=datetime(2020, 1, 1, tzinfo=UTC))) == []
    assert len(await _entries(database, log.Filters(object="page:3"))) == 1
    assert await _entries(database, log.Filters(principal="person:8")) == []


async def test_fields_from_clients_are_cut(database: Database) -> None:
    act_for(Actor(LOCAL, address="a" * 1000, request_id="b\0" * 1000))
    await audit.record_alone(database, "long.fields")
    (entry,) = await _entries(database, log.Filters(action="long"))
    assert entry.address == "a" * log.MAX_FIELD_CHARS
    assert entry.request_id == "b" * log.MAX_FIELD_CHARS
