"""When the status of stages is read again, with stages that the tests control. test_cluster.py reads real ones."""

import asyncio
from typing import Any

import pytest

from deployments import stage_status
from deployments.stage_status import StageStatus
from pipeline.faults import DeviceError


class Stage:
    """The part of a handle that is used: `stage.status.remote()` and `stage.deployment_id.name`."""

    def __init__(self) -> None:
        self.calls = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: BaseException | None = None
        self.status = self.deployment_id = self
        self.name = "Stage"

    async def remote(self) -> dict[str, str]:
        self.calls += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return {"model": f"model {self.calls}"}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(stage_status, "scaled_to_zero", set)
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 600.0)
    monkeypatch.setattr(stage_status, "MAX_AGE_S", 3600.0)
    return Stage()


def status_of(stage: Any) -> StageStatus:
    return StageStatus({"stage": stage})


async def settled(status: StageStatus) -> None:
    if status._reading is not None:
        await asyncio.wait([status._reading])


async def test_a_recent_answer_is_used_again(stage: Stage) -> None:
    status = status_of(stage)
    assert [await status(), await status()] == [{"stage": {"model": "model 1"}}] * 2
    assert stage.calls == 1


async def test_a_refresh_does_not_delay_the_caller(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    status = status_of(stage)
    before = await status()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    stage.answers.clear()
    assert [await status(), await status()] == [before, before]
    stage.answers.set()
    await settled(status)
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 600.0)
    assert await status() == {"stage": {"model": "model 2"}}


async def test_an_old_answer_is_not_used(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    status = status_of(stage)
    await status()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    monkeypatch.setattr(stage_status, "MAX_AGE_S", 0.0)
    assert await status() == {"stage": {"model": "model 2"}}


async def test_a_stage_that_is_stopped_is_an_error_and_no_cancellation(stage: Stage) -> None:
    """Serve raises CancelledError where a replica stops the call."""
    status = status_of(stage)
    stage.error = asyncio.CancelledError()
    with pytest.raises(DeviceError, match=r"A stage was stopped before it had a result\.$"):
        await status()
    stage.error = None
    assert await status() == {"stage": {"model": "model 2"}}


async def test_a_failure_is_raised_until_the_stage_answers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    status = status_of(stage)
    before = await status()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    stage.error = RuntimeError("gone")
    assert await status() == before
    await settled(status)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            await status()
    stage.error = None
    assert await status() == {"stage": {"model": f"model {stage.calls}"}}


async def test_a_cancelled_caller_does_not_cancel_the_others(stage: Stage) -> None:
    status = status_of(stage)
    stage.answers.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await status()
    other = asyncio.create_task(status())
    await asyncio.sleep(0)
    stage.answers.set()
    assert (await other, stage.calls) == ({"stage": {"model": "model 1"}}, 1)
