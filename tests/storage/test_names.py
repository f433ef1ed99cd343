"""One name in several spellings, on a real PostgreSQL."""

import json
import unicodedata
from typing import Any

import pytest
from sqlalchemy import select, text

from pipeline import names
from pipeline.formats.profile_reader import NotAProfileError
from services.archive.restore import restore
from services.erasure import speakers as erasure
from services.identity import speaker_admin, undo
from storage.backups import backups, imports
from storage.conversations import labels
from storage.postgres.database import Database, migrate, unpooled
from storage.speakers import speaker_queries, speakers
from storage.speakers.speakers import NameTakenError
from storage.tables import Speaker
from storage.tables.names import key_of
from tests.storage.archive import add_speaker, add_talk
from tests.storage.legacy import as_bytes, legacy_file
from tests.storage.revisions import upgrade
from tests.storage.test_imports import RUNNING
from tests.storage.transcripts import read_rules

JOSE = unicodedata.normalize("NFC", "José Núñez")
SPELLINGS = [JOSE, unicodedata.normalize("NFD", JOSE), "josé  núñez", "\u200eJO\u00adSÉ\u00a0NÚÑEZ\ufeff"]


@pytest.mark.parametrize("name", [*SPELLINGS, "ГЕЙ Ё", "김철수", "علی\u200cرضا", "Ｋｅｎ", "İpek", "ΓΙΏΡΓΟΣ Σ"])
async def test_the_database_compares_as_the_program_does(database: Database, name: str) -> None:
    async with database.session() as session:
        for form in ("NFC", "NFD", "NFKD"):
            written = unicodedata.normalize(form, name)
            assert await session.scalar(select(key_of(written) == key_of(name)))
        if "Σ" not in name and "İ" not in name:  # PostgreSQL's lower case of these is simpler
            assert await session.scalar(select(key_of(name))) == names.key(name)


@pytest.mark.parametrize("written", SPELLINGS[1:])
async def test_a_speaker_is_found_by_every_spelling_and_is_the_only_one(database: Database, written: str) -> None:
    async with database.session() as session:
        one = await add_speaker(session, JOSE)
        other = await add_speaker(session, "Ana")
        assert await speakers.find(session, written) == one
        assert await speaker_queries.resolve(session, written) == (one, JOSE)
        (found,), total = await speaker_queries.page(session, written[1:], 0, 10)
        assert (found.id, total) == (one, 1)
        with pytest.raises(NameTakenError, match=JOSE):
            await speaker_admin.rename(session, other, written)


async def test_a_speaker_may_get_another_spelling_of_their_name_and_it_is_undone(database: Database) -> None:
    async with database.session() as session:
        id_ = await add_speaker(session, "ada lovelace")
        assert (await speaker_admin.rename(session, id_, "Ada Lovelace")).name == "Ada Lovelace"
        await undo.undo(session, read_rules)
        assert await speakers.name_of(session, id_) == "ada lovelace"


async def test_a_deletion_is_not_undone_beside_another_spelling(database: Database) -> None:
    async with database.session() as session:
        await speaker_admin.delete(session, await add_speaker(session, JOSE))
        await add_speaker(session, SPELLINGS[2])
        with pytest.raises(undo.UndoError, match="rename that speaker first"):
            await undo.undo(session, read_rules)


async def test_spellings_in_a_file_are_numbered_at_the_restore(database: Database) -> None:
    file = legacy_file(version=3, segments=[])
    first = file["speakers"][0] | {"emotion_profiles": []}
    file["speakers"] = [
        first | {"id": number, "name": name}
        for number, name in enumerate([JOSE, SPELLINGS[1], f"{JOSE} (2)", " \u200bAna\u00a0", SPELLINGS[2]], 1)
    ]
    async with database.session() as session:
        await restore(session, RUNNING, await imports.import_file(session, as_bytes(file)))
        found = list(await session.scalars(select(Speaker.name)))
    assert sorted(found) == ["Ana", JOSE, f"{JOSE} (2)", f"{JOSE} (3)", "josé núñez (4)"]


async def test_a_file_with_another_spelling_is_of_the_speaker_here(database: Database) -> None:
    file = legacy_file()
    file["speakers"][1]["name"] = SPELLINGS[1]
    file["segments"][0] |= {"speaker_id": None, "speaker_name": SPELLINGS[3]}
    async with database.session() as session:
        await add_speaker(session, "Zoe")
        await add_speaker(session, "Ann")
        jose = await add_speaker(session, JOSE)
        await add_talk(session, [None, None], lines=2)
        done = await restore(session, RUNNING, await imports.import_file(session, as_bytes(file)))
        assert await speakers.find(session, JOSE) == jose
    assert done.counts.segments_remapped_from_local_names == 1


@pytest.mark.parametrize("name", ["\u200b", "\u00ad\ufeff"])
async def test_a_file_with_an_invisible_name_is_refused(database: Database, name: str) -> None:
    file = legacy_file()
    file["speakers"][1]["name"] = name
    with pytest.raises(NotAProfileError, match=r"speakers\.1\.name: it has no visible character"):
        async with database.session() as session:
            await imports.import_file(session, as_bytes(file))


async def test_a_profile_is_found_by_each_spelling_of_its_name(database: Database) -> None:
    async with database.session() as session:
        await backups.create(session, RUNNING, SPELLINGS[1], None)
        await backups.create(session, RUNNING, "Zoë", None)
        assert (await backups.profile(session, JOSE)).name == SPELLINGS[1]  # of an older version
        assert (await backups.profile(session, unicodedata.normalize("NFD", "Zoë"))).name == "Zoë"


async def test_an_erasure_finds_every_spelling(database: Database) -> None:
    async with database.session() as session:
        id_ = await add_speaker(session, JOSE, 1)
        talk = await add_talk(session, [id_])
        segment = await session.scalar(text("SELECT min(id) FROM segments"))
        await labels.put(session, talk, {segment: "josé núñez"}, None, f"It is {SPELLINGS[3]}.")
        await labels.put(session, talk, {segment + 1: "Ana"}, SPELLINGS[1], f"After {SPELLINGS[1]}.")
        kept = await backups.create(session, RUNNING, "home", None)
        content = json.loads(await backups.content(session, kept.filename) or "")
        content["speakers"][0] |= {"name": SPELLINGS[1], "id": 77, "created_at": None, "references": []}
        await session.execute(text("UPDATE backups SET content = :content"), {"content": json.dumps(content)})
        await erasure.remove(session, id_)
        (left,) = await labels.of_conversation(session, talk)
        assert (left.speaker_name, left.labeled_by, left.notes) == ("Ana", None, None)
        assert "Nu" not in (await backups.content(session, kept.filename) or "")


async def test_names_that_become_one_are_numbered_by_the_migration(empty_database_url: str) -> None:
    """The speaker with the name in normalized form keeps it, otherwise the older speaker. No speakers are merged."""
    nfd = SPELLINGS[1]
    before = [(1, nfd), (2, JOSE), (3, "Ana"), (4, "ANA"), (5, "ana (2)"), (6, "\u200b"), (7, "Zoë\u00a0 "), (8, "Bo")]
    written: Any = [{"id": id_, "name": name} for id_, name in before]
    engine = unpooled(empty_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, "0013")
        await connection.execute(text("INSERT INTO speakers (id, name) VALUES (:id, :name)"), written)
        people = "INSERT INTO people (id, name, role) VALUES (:id, :name, 'reader')"
        await connection.execute(text(people), [row for row in written if row["id"] != 6])
    await migrate(empty_database_url)
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT id, name FROM speakers ORDER BY id"))
        assert {row.id: row.name for row in found} == {
            1: f"{JOSE} (2)",
            2: JOSE,
            3: "Ana",
            4: "ANA (3)",
            5: "ana (2)",
            6: "Unnamed",
            7: "Zoë",
            8: "Bo",
        }
        found = await connection.execute(text("SELECT id, name FROM people ORDER BY id"))
        expected = {**dict(before), 1: f"{JOSE} (2)", 7: "Zoë"}
        del expected[6]
        assert {row.id: row.name for row in found} == expected
    await engine.dispose()
