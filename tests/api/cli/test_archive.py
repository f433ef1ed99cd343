"""`vivavoce backup` and `vivavoce restore`, as the shell runs them, on an archive of their own."""

import asyncio
import json
from pathlib import Path

from sqlalchemy import select

from storage.backups import backups
from storage.postgres.database import Database, migrate
from storage.postgres.embedded import EmbeddedPostgres
from storage.tables import Speaker
from tests.storage.archive import add_speaker, add_talk
from tests.storage.legacy import as_bytes, legacy_file
from tests.support.command_line import vivavoce_here
from tests.support.program import vivavoce


async def fill(url: str) -> None:
    await migrate(url)
    database = Database(url)
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ada", 1)])
    await database.dispose()


async def look(url: str) -> tuple[list[str], list[str]]:
    database = Database(url)
    async with database.session() as session:
        people = list(await session.scalars(select(Speaker.name).order_by(Speaker.name)))
        kept = [one.name for one in await backups.profiles(session)]
    await database.dispose()
    return people, kept


def test_who_is_who_goes_out_and_comes_back(open_directory: Path, tmp_path: Path) -> None:
    data, file, old = open_directory / "data", tmp_path / "us.json", tmp_path / "old.json"
    old.write_bytes(as_bytes(legacy_file(settings=None)))
    env = {"DATA_PATH": str(data), "SPEAKER_THRESHOLD": "0.5"}
    with EmbeddedPostgres(data / "postgres") as url:
        asyncio.run(fill(url))
        done = vivavoce("backup", file, **env)  # beside a running database
        assert (done.returncode, done.stdout) == (0, f"{file}: 1 speaker(s), 4 line(s).\n")
    assert [one["name"] for one in json.loads(file.read_text())["speakers"]] == ["Ada"]
    assert list(tmp_path.glob(".*")) == []
    assert file.stat().st_mode & 0o777 == 0o600

    done = vivavoce("restore", old, **env)  # and without one
    assert done.returncode == 0
    assert done.stdout.startswith("2 speaker(s), 2 line(s)")
    assert "by the id of their conversation" in done.stderr
    with EmbeddedPostgres(data / "postgres") as url:
        assert asyncio.run(look(url)) == (["Alice", "Bob"], ["Before restore"])
        assert vivavoce("restore", file, **env).returncode == 0
        assert asyncio.run(look(url)) == (["Ada"], ["Before restore"])


def test_what_cannot_be_done_is_said_in_a_sentence(open_directory: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.json"
    letter.write_text("Dear all,")
    for arguments, env, says in (
        (("backup", tmp_path / "x.json"), {"DATA_PATH": str(tmp_path / "nothing")}, "There is nothing in"),
        (("backup", tmp_path / "x.json"), {"DATABASE_URL": "postgresql://localhost:1/none"}, "cannot be reached"),
        (("restore", letter), {"DATA_PATH": str(open_directory / "data")}, "is no JSON file"),
    ):
        done = vivavoce_here(*arguments, **env)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert says in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [letter]
    assert vivavoce_here("restore", tmp_path / "missing.json").returncode == 2
