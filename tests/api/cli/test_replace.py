"""`vivavoce replace`, against a running application."""

from collections.abc import Iterator

import httpx
import pytest

from settings import Settings
from storage.postgres.database import Database
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.command_line import vivavoce_here


async def fill(database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ana", 1)], seed=1)


@pytest.fixture
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(Settings(speaker_threshold=0.5), database_url, tmp_path_factory.mktemp("audio"), MODEL, fill) as address:
        yield address


def test_words_are_replaced_once_that_is_said(address: str) -> None:
    def texts() -> list[str]:
        return [
            line["text"] for line in httpx.get(f"{address}/api/v1/conversations/1/segments", timeout=120).json()["segments"]
        ]

    before = texts()
    shown = vivavoce_here("replace", "1", "line", "Row", "--url", address)
    lines = shown.stdout.splitlines()
    assert (lines[0], lines[1]) == (f"- {before[0].strip()}", f"+ {before[0].strip().replace('Line', 'Row')}")
    assert lines[-1] == f"{len(before)} place(s) in {len(before)} segment(s) would change: give --apply to change them."
    assert texts() == before
    assert vivavoce_here("replace", "1", "line", "Row", "--match-case", "--url", address).stdout == "Nothing to replace.\n"
    assert vivavoce_here("replace", "1", "Lin", "Row", "--whole-words", "--url", address).stdout == "Nothing to replace.\n"
    done = vivavoce_here("replace", "1", "line", "Row", "--apply", "--url", address)
    assert done.stdout.splitlines()[-1] == f"{len(before)} place(s) in {len(before)} segment(s) changed."
    assert texts() == [text.replace("Line", "Row") for text in before]

    missing = vivavoce_here("replace", "99", "a", "b", "--url", address)
    assert (missing.returncode, missing.stderr) == (1, "vivavoce: Conversation not found\n")
    nobody = vivavoce_here("replace", "1", "a", "b", "--url", "http://127.0.0.1:9")
    assert nobody.returncode == 1
    assert "nothing answers" in nobody.stderr
