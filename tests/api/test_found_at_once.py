"""What is said live or edited is found by meaning without delay, and what is erased nowhere, with the real model.

`pytest -s` prints the seconds, which docs/measurements.md has. They depend on the machine and are not asserted: the indexer
reads its queue once in an hour here, so that a text is found only if the notification of its transaction wakes the indexer.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import func, select

from engines.in_process import load_text_embedder
from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples, Span, Utterance, Word
from services.search import indexer
from settings import Settings
from storage.postgres.database import Database
from storage.search import pending_vectors
from storage.search.neighbours import around
from storage.tables import SegmentRow, SegmentVector
from tests.api.live import Client, serving
from tests.api.test_live_processing import PAUSE, Script, speech
from tests.storage.transcripts import MODEL

SAID = ("The budget for marketing was cut by a third.", "The dog sleeps on the sofa.", "It will rain in the afternoon.")
EDITS = (
    ("The cat hunts a mouse.", "a kitten chasing rodents"),
    ("We hire two engineers in spring.", "recruiting developers"),
    ("My grandmother bakes bread.", "an old lady in her kitchen"),
)
DEADLINE_S = 120.0


class Speech(Script):
    """The span with the number is transcribed as one of `SAID`."""

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        text = SAID[round(float(audio.max()) * 20) - 1]
        return [Utterance((Word(f" {text}", 0.3, window.end - 0.3, 0.9),), -0.2, "en")]


@pytest.fixture
def server(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(indexer, "POLL_INTERVAL_S", 3600.0)
    script, text = Speech(), load_text_embedder(Settings(cpu_threads=1))
    stages: Stages[Any] = Stages(script, script, script, script, text=text)
    patience = {"stream_idle_seconds": 2 * DEADLINE_S}
    with serving(
        database_url, tmp_path, stages, MODEL, jobs=True, endpointing="energy", speaker_threshold=0.5, **patience
    ) as address:
        yield address


@pytest.fixture
async def client(server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{server}", timeout=DEADLINE_S, trust_env=False) as client:
        yield client


async def hits(client: httpx.AsyncClient, q: str, mode: str) -> list[dict[str, Any]]:
    answer = await client.get("/search", params={"q": q, "mode": mode})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def seconds_until_found(client: httpx.AsyncClient, query: str, segment: int, text: str) -> float:
    """Until a search by meaning finds the segment with this text, and before all others."""
    start = time.perf_counter()
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await hits(client, query, "meaning")
            if found and (found[0]["id"], found[0]["text"], found[0]["matched"]) == (segment, text, "meaning"):
                return time.perf_counter() - start
            await asyncio.sleep(0.01)


async def test_live_and_edited_segments_are_found_and_erased_ones_are_not(
    server: str, client: httpx.AsyncClient, database: Database
) -> None:
    await indexer_waits(database, 0)
    with Client(server) as stream:
        conversation = stream.start(sample_rate=SAMPLE_RATE)
        sound = np.concatenate([part for number in (1, 2, 3) for part in (speech(number), PAUSE)]).astype("<f4")
        await asyncio.to_thread(stream.socket.send, sound.tobytes())
        first = await asyncio.to_thread(stream.until, "segment")
        live = await seconds_until_found(client, "less money for advertising", first["segment_id"], SAID[0])
        while len(stream.of("segment")) < len(SAID):
            await asyncio.to_thread(stream.until, "segment")
        assert (await client.get(f"/conversations/{conversation}")).json()["status"] == "recording"
        await asyncio.to_thread(stream.stop)
    ids = [segment["segment_id"] for segment in stream.of("segment")]
    await indexer_waits(database, len(SAID))

    edited = []
    for text, query in EDITS:
        patched = await client.patch(f"/conversations/{conversation}/segments/{ids[1]}", json={"text": text})
        assert patched.status_code == 200, patched.text
        edited.append(await seconds_until_found(client, query, ids[1], text))
    print(
        f"\nfound by meaning: a live segment {live:.2f} s after it is sent, an edited one {statistics.median(edited):.2f} s "
        f"(median of {len(edited)}; at most {max(edited):.2f} s) after it is stored"
    )

    # A text that is not embedded yet when it is erased, and two that are.
    last = "Nobody saw the parrot."
    assert (await client.patch(f"/conversations/{conversation}/segments/{ids[1]}", json={"text": last})).status_code == 200
    assert (await client.post(f"/conversations/{conversation}/erase")).status_code == 200
    for text in (*SAID, last, EDITS[-1][0]):
        for mode in ("words", "meaning", "auto"):
            assert await hits(client, text, mode) == []
    async with database.session() as session:
        assert await around(session, ids, 2) == {}
        assert await session.scalar(select(func.count()).select_from(SegmentVector)) == 0
        assert await pending_vectors.count(session) == 0
        assert await session.scalar(select(func.count()).select_from(SegmentRow)) == 0


async def indexer_waits(database: Database, vectors: int) -> None:
    """Until so many segments have vectors, none is in the queue, and the model has its index: then it sleeps."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            async with database.session() as session:
                stored = await session.scalar(select(func.count()).select_from(SegmentVector))
                if stored == vectors and not await pending_vectors.count(session):
                    return
            await asyncio.sleep(0.02)
