"""`vivavoce search`, against a running application with the real model."""

import asyncio
from typing import Any

import pytest

from engines.in_process import load_text_embedder
from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from storage.search import pending_vectors
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving
from tests.support.command_line import vivavoce_here


async def fill(database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [await add_speaker(session, "Ana Lima", 1)], lines=2)
    async with asyncio.timeout(120):
        while True:
            async with database.session() as session:
                if not await pending_vectors.count(session):
                    return
            await asyncio.sleep(0.05)


def test_hits_by_words_and_by_meaning_are_told_apart(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    nobody: Any = None
    stages: Stages[Any] = Stages(nobody, nobody, nobody, nobody, text=load_text_embedder(Settings(cpu_threads=1)))
    directory = tmp_path_factory.mktemp("audio")
    with serving(Settings(), database_url, directory, MODEL, fill, stages) as address:
        lines = vivavoce_here("search", "what", "did", "Ana", "say", "about", "1", "--url", address).stdout.splitlines()
        assert lines[0] == "(Ana: Ana Lima)"
        assert lines[1].endswith("  1  Ana Lima: Line 1.")
        assert lines[2].endswith("  1  Ana Lima: Line 0.  ~")
        assert lines[3:] == ["~ means the same, without the words"]
        words = vivavoce_here("search", "line", "1", "--mode", "words", "--url", address).stdout.splitlines()
        assert [line.split("  ")[2] for line in words] == ["Ana Lima: Line 1."]
        assert vivavoce_here("search", "parrot", "--mode", "words", "--url", address).stdout == "Nothing was found.\n"
        refused = vivavoce_here("search", "parrot", "--speaker", "Bo", "--url", address)
        assert (refused.returncode, refused.stderr) == (1, "vivavoce: There is no speaker 'Bo'.\n")
