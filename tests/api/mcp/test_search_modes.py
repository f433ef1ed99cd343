"""The modes of `search_transcripts`, with the real model."""

import asyncio
from pathlib import Path
from typing import Any

from mcp import Client
from sqlalchemy import text

from engines.in_process import load_text_embedder
from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from storage.search import pending_vectors
from tests.storage.archive import add_talk
from tests.storage.transcripts import MODEL
from tests.support.application import serving

LINES = ("The marketing budget was cut.", "Where is the dog?", "We spend less on adverts.")


async def fill(database: Database) -> None:
    async with database.session() as session:
        await add_talk(session, [None], len(LINES))
        for position, line in enumerate(LINES):
            await session.execute(
                text("UPDATE segments SET text = :line WHERE position = :position"), {"line": line, "position": position}
            )
    async with asyncio.timeout(120):
        while True:
            async with database.session() as session:
                if not await pending_vectors.count(session):
                    return
            await asyncio.sleep(0.05)


async def test_an_agent_chooses_words_or_meaning(database_url: str, tmp_path: Path) -> None:
    nobody: Any = None
    stages: Stages[Any] = Stages(nobody, nobody, nobody, nobody, text=load_text_embedder(Settings(cpu_threads=1)))

    async def found(client: Client, **arguments: str) -> list[tuple[str, str | None]]:
        content = (await client.call_tool("search_transcripts", {"query": "budget", **arguments})).structured_content
        assert content is not None
        assert content["note"] is None
        return [(hit["snippet"].replace("**", ""), hit["matched"]) for hit in content["results"]]

    with serving(Settings(), database_url, tmp_path, MODEL, fill, stages) as address:
        async with Client(f"{address}/mcp") as client:
            assert await found(client, mode="words") == [(LINES[0], "words")]
            both = await found(client)
            assert both == await found(client, mode="auto")
            assert both[:2] == [(LINES[0], "words"), (LINES[2], "meaning")]
            meaning = await found(client, mode="meaning")
            assert [how for _, how in meaning] == ["meaning"] * 3
            assert meaning[0][0] == LINES[0]
            refused = await client.call_tool("search_transcripts", {"query": "budget", "mode": "both"})
            assert refused.is_error
            (tool,) = [one for one in (await client.list_tools()).tools if one.name == "search_transcripts"]
            assert tool.input_schema["properties"]["mode"]["enum"] == ["auto", "words", "meaning"]
