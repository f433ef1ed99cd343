"""The routes of API keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from pipeline.access import Role
from storage.access import people
from storage.postgres.database import Database
from storage.tables import AuditEntry
from tests.api.test_security import application, new_key


async def test_the_life_of_a_key(database: Database, database_url: str, tmp_path: Path) -> None:
    admin = await new_key(database, Role.ADMIN)
    async with application(database_url, tmp_path, auth="required") as found:
        client = found.client
        answer = await client.post("/keys", json={"name": "laptop", "role": "writer", "expires_in_days": 30}, headers=admin)
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        made = answer.json()
        key = made.pop("key")
        assert key.startswith(made["prefix"])
        expiry = datetime.fromisoformat(made["expires_at"])
        assert abs(expiry - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=10)

        mine = {"Authorization": f"Bearer {key}"}
        assert (await client.get("/conversations", headers=mine)).status_code == 200
        assert (await client.get("/keys", headers=mine)).status_code == 403
        listed = await client.get("/keys", headers=admin)
        assert key not in listed.text
        (_, shown) = listed.json()["keys"]
        assert shown["last_used_at"] is not None
        assert shown | {"last_used_at": None} == made

        answer = await client.delete(f"/keys/{made['id']}", headers=admin)
        assert answer.json()["revoked_at"] is not None
        answer = await client.delete(f"/keys/{made['id']}", headers=admin)
        assert answer.status_code == 404
        assert "vivavoce keys list" in answer.json()["detail"]
    async with database.session() as session:
        changes = select(AuditEntry.principal, AuditEntry.action, AuditEntry.object).where(AuditEntry.action != "request")
        entries = (await session.execute(changes.order_by(AuditEntry.id))).all()
    assert [tuple(entry) for entry in entries] == [("key:1", "key.create", "key:2"), ("key:1", "key.revoke", "key:2")]


async def test_a_key_belongs_to_a_person(database: Database, database_url: str, tmp_path: Path) -> None:
    async with database.session() as session:
        ada = await people.create(session, "Ada", Role.READER)
    async with application(database_url, tmp_path) as found:
        made = (await found.client.post("/keys", json={"name": "hers", "role": "admin", "person_id": ada.id})).json()
        assert (made["person"], made["role"]) == ("Ada", "admin")
        mine = {"Authorization": f"Bearer {made['key']}"}
        assert (await found.client.get("/conversations", headers=mine)).status_code == 200
        assert (await found.client.get("/keys", headers=mine)).status_code == 403, "She is a reader."
        answer = await found.client.post("/keys", json={"name": "nobody's", "person_id": 99})
        assert answer.status_code == 400


async def test_invalid_keys_are_refused(database: Database, database_url: str, tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = [{}, *({"name": name} for name in ("", "a\x00b", "a" * 201))]
    bodies += [{"name": "a", "role": "root"}, {"name": "a", "expires_in_days": 0}]
    async with application(database_url, tmp_path) as found:
        for body in bodies:
            assert (await found.client.post("/keys", json=body)).status_code == 422, body
        assert (await found.client.get("/keys")).json() == {"keys": []}
