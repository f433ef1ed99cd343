"""Erasures while other work goes on: nothing that is in work brings back what is erased."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, or_, select

from pipeline.stages import Stages
from pipeline.types import Samples, Span, Voiceprint
from settings import Settings
from storage.postgres.database import Database
from storage.tables import Conversation, IdentityChange, JobRow, JobStageRow, ParticipantRow, SegmentRow, Speaker
from tests.storage.people import keep, lines, talk
from tests.storage.transcripts import MODEL, voice
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound

REPEATS = 4


class Steered(FixedStages):
    """Stages that wait before the last one until `open` is set."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        self.arrived.set()
        await self.open.wait()
        return await super().embed_each(audio, spans)


@pytest.fixture
def stages() -> Steered:
    return Steered()


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path, stages: Steered) -> AsyncIterator[Application]:
    steered = Stages(stages, stages, stages, stages)
    async with running(Settings(speaker_threshold=0.5), database_url, tmp_path / "audio", steered, MODEL) as application:
        yield application


async def count(database: Database, table: type) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def upload(client: httpx.AsyncClient) -> int:
    answer = await client.post("/process", files={"audio_file": ("talk.wav", sound())}, params={"wait": "false"})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


async def test_a_job_that_runs_ends_without_a_result(
    application: Application, database: Database, stages: Steered, tmp_path: Path
) -> None:
    id_ = await upload(application.client)
    await stages.arrived.wait()
    assert await count(database, JobStageRow) == 3  # hot words are one
    answer = await application.client.post(f"/conversations/{id_}/erase")
    assert (answer.status_code, answer.json()["pending"]) == (200, [])
    stages.open.set()
    # The worker goes on with the next recording.
    other = (await application.client.post("/process", files={"audio_file": ("talk.wav", sound())})).json()
    assert other["status"] == "completed"
    assert (await application.client.post(f"/conversations/{other['id']}/erase")).status_code == 200
    for table in (Conversation, ParticipantRow, SegmentRow, JobRow, JobStageRow, Speaker):
        assert await count(database, table) == 0, table
    assert list((tmp_path / "audio").iterdir()) == []


async def test_a_speaker_is_erased_while_its_recording_is_processed_again(
    application: Application, database: Database, stages: Steered
) -> None:
    stages.open.set()
    first = (await application.client.post("/process", files={"audio_file": ("talk.wav", sound())})).json()
    (line,) = first["segments"]
    place = f"/conversations/{first['id']}/segments/{line['id']}"
    assert (await application.client.post(f"{place}/identify", json={"speaker_name": "Ada"})).status_code == 200
    stages.open.clear()
    stages.arrived.clear()
    again = asyncio.create_task(application.client.post(f"/conversations/{first['id']}/reprocess"))
    await stages.arrived.wait()
    erased = await application.client.post(f"/speakers/{line['speaker_id']}/erase")
    assert (erased.status_code, erased.json()["conversation_ids"]) == (200, [first["id"]])
    assert await count(database, JobStageRow) == 0
    stages.open.set()
    assert (await again).status_code == 200
    # The recording is still there: the voice in it is a new unknown speaker.
    async with database.session() as session:
        assert list(await session.scalars(select(Speaker.name))) == ["Unknown_02"]


async def test_an_identification_at_the_same_time_leaves_nothing(application: Application, database: Database) -> None:
    client = application.client
    for _ in range(REPEATS):
        known = await keep(database, talk([voice(1)]))
        other = await keep(database, talk([voice(2)]))
        (one, *_), (line, *_) = await lines(database, known), await lines(database, other)
        assert one.speaker_id is not None
        named = await client.post(f"/conversations/{known}/segments/{one.id}/identify", json={"speaker_name": "Ada"})
        assert named.status_code == 200
        identified, erased, renamed = await asyncio.gather(
            client.post(f"/conversations/{other}/segments/{line.id}/identify", json={"speaker_id": one.speaker_id}),
            client.post(f"/speakers/{one.speaker_id}/erase"),
            client.patch(f"/speakers/{one.speaker_id}/rename", json={"new_name": "Ada L."}),
        )
        assert erased.status_code == 200
        assert {identified.status_code, renamed.status_code} <= {200, 404}
        async with database.session() as session:
            assert await session.scalar(select(Speaker.id).where(Speaker.name.startswith("Ada"))) is None
            mentioned = IdentityChange.description.contains("Ada"), IdentityChange.before["steps"].astext.contains("Ada")
            assert await session.scalar(select(IdentityChange.id).where(or_(*mentioned))) is None
            of_known = select(func.count()).where(ParticipantRow.conversation_id == known, ParticipantRow.vector.is_not(None))
            assert await session.scalar(of_known) == 0
        for id_ in (known, other):
            assert (await client.delete(f"/conversations/{id_}")).status_code in (200, 409)
