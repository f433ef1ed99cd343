"""When stages are asked again, with stages that answer when the test wants; real ones are asked in test_cluster.py."""

import asyncio
from typing import Any

import pytest

from deployments import stage_status
from deployments.stage_status import StageStatus


class Stage:
    """As a handle: `stage.status.remote()` and `stage.deployment_id.name`."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.status = self.deployment_id = self
        self.name = "Stage"

    async def remote(self) -> dict[str, str]:
        self.asked += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return {"model": f"model {self.asked}"}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(stage_status, "_scaled_to_zero", set)
    return Stage()


def ask(stage: Any) -> StageStatus:
    return StageStatus({"stage": stage})


async def settled(asking: StageStatus) -> None:
    if asking._reading is not None:
        await asyncio.wait([asking._reading])


async def test_what_was_said_a_moment_ago_stands(stage: Stage) -> None:
    asking = ask(stage)
    assert [await asking(), await asking()] == [{"stage": {"model": "model 1"}}] * 2
    assert stage.asked == 1


async def test_nobody_waits_for_an_answer_that_replaces_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = ask(stage)
    before = await asking()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    stage.answers.clear()
    assert [await asking(), await asking()] == [before, before]
    stage.answers.set()
    await settled(asking)
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 60.0)
    assert await asking() == {"stage": {"model": "model 2"}}


async def test_an_old_answer_is_none(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = ask(stage)
    await asking()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    monkeypatch.setattr(stage_status, "MAX_AGE_S", 0.0)
    assert await asking() == {"stage": {"model": "model 2"}}


async def test_a_stage_that_fails_is_told_of_until_it_answers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = ask(stage)
    before = await asking()
    monkeypatch.setattr(stage_status, "REFRESH_AGE_S", 0.0)
    stage.error = RuntimeError("gone")
    assert await asking() == before
    await settled(asking)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            await asking()
    stage.error = None
    assert await asking() == {"stage": {"model": f"model {stage.asked}"}}


async def test_who_gives_up_does_not_break_it_off_for_others(stage: Stage) -> None:
    asking = ask(stage)
    stage.answers.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asking()
    other = asyncio.create_task(asking())
    await asyncio.sleep(0)
    stage.answers.set()
    assert (await other, stage.asked) == ({"stage": {"model": "model 1"}}, 1)
