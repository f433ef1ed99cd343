"""Jobs that are interrupted, fail, are cancelled or lose their database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pipeline.stages import Stages
from pipeline.types import Samples, Span, Voiceprint
from services import leases, queue_worker, worker
from services.runtime import IN_PROCESS
from services.worker import Worker
from settings import Settings
from storage.jobs import jobs
from storage.jobs.open_work import OpenWork
from storage.postgres.database import Database
from storage.speakers import speakers
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import SECONDS, RecordingStages, sound

PATIENCE = 120
"""Seconds."""


class Steered(RecordingStages):
    """Stages that count what they transcribe, and that a test can hold up, or have fail, before the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = 0
        self.open = asyncio.Event()
        self.faults: list[Exception] = []

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        self.arrived += 1
        if self.faults:
            raise self.faults.pop()
        await self.open.wait()
        return await super().embed_each(audio, spans)


@pytest.fixture
def stages() -> Steered:
    return Steered()


@pytest.fixture
async def application(
    database: Database, database_url: str, tmp_path: Path, stages: Steered, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Application]:
    monkeypatch.setattr(leases, "RENEW_INTERVAL_S", 0.1)
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr(jobs, "BACKOFF_S", 0.05)
    all_stages = Stages(stages, stages, stages, stages)
    async with running(
        Settings(max_queued=20, speaker_threshold=0.5), database_url, tmp_path, all_stages, MODEL
    ) as application:
        yield application


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  # the state is another process's, in the database
            await asyncio.sleep(0.02)


async def send(application: Application, seconds: float = SECONDS) -> int:
    """Upload a recording without waiting; returns the job."""
    files = {"audio_file": ("call.wav", sound(seconds))}
    answer = await application.client.post("/process", files=files, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    job: int = answer.json()["job_id"]
    assert answer.headers["location"] == f"/api/v1/jobs/{job}"
    return job


async def job(application: Application, id_: int) -> dict[str, Any]:
    answer = await application.client.get(f"/jobs/{id_}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def arrives(application: Application, id_: int, *states: str) -> dict[str, Any]:
    """The job, once it is in one of the states."""

    async def there() -> bool:
        return (await job(application, id_))["state"] in states

    await until(there)
    return await job(application, id_)


async def held_up(stages: Steered, times: int = 1) -> None:
    async def there() -> bool:
        return stages.arrived >= times

    await until(there)


async def lines(database: Database, id_: int) -> int:
    """The number of segments of the job's conversation."""
    count = text("SELECT count(*) FROM segments JOIN jobs USING (conversation_id) WHERE jobs.id = :id")
    async with database.session() as session:
        return int((await session.execute(count, {"id": id_})).scalar_one())


async def other_worker(application: Application) -> Worker:
    context = application.context
    other = Worker(context.recordings, context.notifications, context.policies, context.vocabularies, IN_PROCESS)
    other.start()
    return other


async def test_a_worker_ends_also_where_work_comes_at_that_moment(application: Application) -> None:
    other = await other_worker(application)
    await asyncio.sleep(0.5)  # until it waits for work
    application.context.notifications.work.set()
    async with asyncio.timeout(PATIENCE):
        await other.close()


async def test_work_goes_on_where_it_was_cut_off(application: Application, stages: Steered, database: Database) -> None:
    id_ = await send(application)
    await held_up(stages)
    async with database.session() as session:  # as if its lease had expired
        await session.execute(text("UPDATE jobs SET lease_until = now() - interval '1 second', worker = 'a dead one'"))
    await held_up(stages, 2)
    stages.open.set()
    done = await arrives(application, id_, "completed")
    assert done["attempts"] == 2
    assert len(stages.decodings) == 1
    assert await lines(database, id_) == 1


async def test_no_recording_is_done_by_two_workers(application: Application, stages: Steered, database: Database) -> None:
    other = await other_worker(application)
    try:
        sent = [await send(application) for _ in range(6)]
        stages.open.set()
        for id_ in sent:
            assert (await arrives(application, id_, "completed"))["attempts"] == 1
            assert await lines(database, id_) == 1
        assert len(stages.decodings) == len(sent)
    finally:
        await other.close()


async def test_a_fault_of_ours_is_tried_again(application: Application, stages: Steered) -> None:
    stages.open.set()
    stages.faults = [RuntimeError("The device is lost.")]
    assert (await arrives(application, await send(application), "completed"))["attempts"] == 2


async def test_a_fault_that_stays_is_told(application: Application, stages: Steered) -> None:
    stages.faults = [RuntimeError("The device is lost.\nTraceback …") for _ in range(jobs.MAX_ATTEMPTS)]
    failed = await arrives(application, await send(application), "failed")
    assert (failed["attempts"], failed["error"]) == (jobs.MAX_ATTEMPTS, "The device is lost.")
    conversation = (await application.client.get(f"/conversations/{failed['conversation_id']}")).json()
    assert (conversation["status"], conversation["error"]) == ("failed", "The device is lost.")
    stages.open.set()
    answer = await application.client.post(f"/jobs/{failed['id']}/retry")
    assert answer.status_code == 202
    assert (await arrives(application, answer.json()["id"], "completed"))["conversation_id"] == failed["conversation_id"]


async def test_a_recording_that_is_gone_is_not_tried_again(
    application: Application, stages: Steered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Path] = []

    def lose() -> None:
        for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
            path.unlink()
            lost.append(path)

    async def lose_and_fail(_audio: Samples, _spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        lose()
        raise RuntimeError("The device is lost.")

    monkeypatch.setattr(stages, "embed_each", lose_and_fail)
    failed = await arrives(application, await send(application), "failed")
    assert len(lost) == 1
    assert (failed["attempts"], failed["error"]) == (2, "Audio file not found")


async def test_what_is_in_work_can_be_cancelled(application: Application, stages: Steered, database: Database) -> None:
    id_ = await send(application)
    await held_up(stages)
    assert (await application.client.post(f"/jobs/{id_}/cancel")).status_code == 200
    assert (await arrives(application, id_, "cancelled"))["error"] == "Cancelled."
    stages.open.set()
    assert await lines(database, id_) == 0
    assert (await application.client.post(f"/jobs/{id_}/cancel")).status_code == 409


async def test_lost_connections_to_the_database_cost_nothing(
    application: Application, stages: Steered, database: Database
) -> None:
    id_ = await send(application)
    await held_up(stages)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with database.session() as session:
        assert len((await session.execute(text(cut))).all()) >= 1
    stages.open.set()
    assert (await arrives(application, id_, "completed"))["attempts"] == 1
    assert await lines(database, id_) == 1


async def test_a_stop_lets_go_of_the_work(application: Application, stages: Steered, database: Database) -> None:
    other = await other_worker(application)
    try:
        sent = [await send(application) for _ in range(2 * worker.MAX_JOBS)]
        await held_up(stages, len(sent))  # the two jobs occupy all slots
    finally:
        await other.close()
    states = [(await job(application, id_))["state"] for id_ in sent]
    assert states.count("queued") == worker.MAX_JOBS
    stages.open.set()
    for id_ in sent:
        assert (await arrives(application, id_, "completed"))["attempts"] == 1


async def test_who_waits_for_a_recording_is_told_that_the_program_stops(application: Application, stages: Steered) -> None:
    files = {"audio_file": ("call.wav", sound())}
    waiting = asyncio.create_task(application.client.post("/process", files=files))
    await held_up(stages)
    application.context.recordings.stopping.set()
    answer = await asyncio.wait_for(waiting, PATIENCE)
    assert answer.status_code == 503
    assert "/api/v1/jobs/1 goes on" in answer.json()["detail"]
    assert (await job(application, 1))["state"] == "running"


async def test_a_place_is_kept_for_short_recordings(
    application: Application, stages: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONG_RECORDING_S", 1.0)
    long = [await send(application) for _ in range(worker.MAX_JOBS)]
    await held_up(stages, worker.MAX_JOBS - 1)
    assert (await job(application, long[-1]))["state"] == "queued"
    await send(application, seconds=0.5)
    await held_up(stages, worker.MAX_JOBS)
    assert (await job(application, long[-1]))["state"] == "queued"


async def test_recordings_at_once_are_a_setting(database: Database, database_url: str, tmp_path: Path, stages: Steered) -> None:
    settings = Settings(recordings_at_once=6, speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        sent = [await send(application) for _ in range(7)]
        await held_up(stages, 6)
        states = [(await job(application, id_))["state"] for id_ in sent]
        assert states.count("running") == 6
        own = application.context.worker
        work = await own.open_work()
        assert (work.jobs, work.long_jobs) == (7, 0)
        assert own.workers_for(work) == 2
        stages.open.set()
        for id_ in sent:
            await arrives(application, id_, "completed")
        assert own.workers_for(await own.open_work()) == 0


async def test_transcripts_that_wait_to_be_stored_take_one_connection(
    application: Application, stages: Steered, database: Database
) -> None:
    sent = [await send(application) for _ in range(worker.MAX_JOBS)]
    await held_up(stages, len(sent))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    async def number() -> int:
        async with database.session() as session:
            return int((await session.execute(text(waiting))).scalar_one())

    async def begun() -> bool:
        return await number() > 0

    async with database.session() as session:
        await speakers.lock(session)
        stages.open.set()
        await until(begun)
        await asyncio.sleep(1.0)  # for the others to arrive
        assert await number() == 1
    for id_ in sent:
        await arrives(application, id_, "completed")


async def test_long_recordings_need_more_workers(application: Application) -> None:
    own = application.context.worker
    assert own.workers_for(OpenWork(jobs=10, long_jobs=10, audio_s=36_000.0, oldest_s=0.0)) == 4
    one = Worker(own.recordings, own.notifications, own.policies, own.vocabularies, IN_PROCESS, max_jobs=1)
    assert one.workers_for(OpenWork(jobs=3, long_jobs=2, audio_s=7200.0, oldest_s=0.0)) == 3
