"""When the graph is ready, with stages that the tests control. benchmarks.reliability.kill kills real ones."""

import asyncio
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import BackPressureError

from deployments import known_replicas, readiness
from deployments.readiness import NotReadyError, Readiness
from tests.support.serve_log import serve_log


class Stage:
    """The part of a handle that is used, and how many replicas its router knows."""

    def __init__(self, name: str) -> None:
        self.deployment_id = DeploymentID(name=name, app_name="vivavoce")
        self.replicas = 1
        self.calls = 0
        self.errors: list[BaseException] = []
        """Raised by the next calls, one each."""
        self.answers = asyncio.Event()
        self.answers.set()
        self.status = self

    async def remote(self) -> dict[str, str]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        await self.answers.wait()
        return {"model": "any"}


class Stages:
    def __init__(self) -> None:
        self.diarizer, self.embedder = Stage("Diarizer"), Stage("SpeakerEmbedder")
        self.idle: set[str] = set()

    def readiness(self) -> Readiness:
        stages: Any = {"diarizer": self.diarizer, "embedder": self.embedder}
        return Readiness(stages)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    stages = Stages()
    known = {stage.deployment_id: stage for stage in (stages.diarizer, stages.embedder)}
    monkeypatch.setattr(known_replicas, "count", lambda deployment: known[deployment].replicas)
    monkeypatch.setattr(readiness, "scaled_to_zero", lambda: stages.idle)
    monkeypatch.setattr(readiness, "CALL_TIMEOUT_S", 600.0)
    return stages


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call is given up soon."""
    monkeypatch.setattr(readiness, "CALL_TIMEOUT_S", 0.05)


async def test_all_who_ask_at_once_cause_one_call_of_each_stage(stages: Stages) -> None:
    ready = stages.readiness()
    await asyncio.gather(*(ready() for _ in range(100)))
    await ready()
    assert (stages.diarizer.calls, stages.embedder.calls) == (1, 1)


async def test_an_answer_older_than_the_limit_is_not_given_again(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "MAX_AGE_S", 0.0)
    ready = stages.readiness()
    await ready()
    stages.diarizer.errors = [RayError("gone")]
    with pytest.raises(NotReadyError, match="diarizer"):
        await ready()
    await ready()


async def test_a_stage_without_a_live_replica_is_named(
    stages: Stages, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MAX_AGE_S", 0.0)
    ready = stages.readiness()
    stages.embedder.errors = [ActorDiedError()]
    stages.embedder.replicas = 0  # as the router knows after that call
    stages.embedder.answers.clear()  # the next call waits for a new replica
    with serve_log() as lines:
        for _ in range(2):
            with pytest.raises(NotReadyError, match=r"stages answers: embedder\.$"):
                await ready()
        stages.embedder.answers.set()
        monkeypatch.setattr(readiness, "CALL_TIMEOUT_S", 600.0)
        await ready()
    assert lines == ["No replica of these stages answers: embedder.", "All stages answer again."]


@pytest.mark.parametrize("error", [ActorDiedError(), asyncio.CancelledError()])
async def test_a_stage_with_a_dead_or_stopped_and_a_live_replica_is_ready(stages: Stages, error: BaseException) -> None:
    """Serve raises CancelledError where a replica stops the call."""
    stages.diarizer.errors = [error]
    await stages.readiness()()
    assert stages.diarizer.calls == 2


async def test_a_stage_whose_replicas_are_all_dead_is_not_called_forever(stages: Stages) -> None:
    stages.diarizer.errors = [ActorDiedError() for _ in range(100)]
    with pytest.raises(NotReadyError):
        await stages.readiness()()
    assert stages.diarizer.calls == readiness.MAX_CALLS


async def test_a_busy_stage_is_ready(stages: Stages, impatient: None) -> None:
    stages.diarizer.answers.clear()
    stages.embedder.errors = [BackPressureError(num_queued_requests=9, max_queued_requests=9)]
    await stages.readiness()()


async def test_a_stage_that_has_scaled_to_zero_is_ready_and_is_not_started(stages: Stages) -> None:
    stages.diarizer.replicas, stages.idle = 0, {"Diarizer"}
    await stages.readiness()()
    assert (stages.diarizer.calls, stages.embedder.calls) == (0, 1)


async def test_a_cancelled_caller_does_not_end_the_check_of_the_others(stages: Stages, impatient: None) -> None:
    ready = stages.readiness()
    stages.diarizer.answers.clear()
    stages.diarizer.replicas = 0
    asked = [asyncio.create_task(ready()) for _ in range(2)]
    await asyncio.sleep(0)
    asked[0].cancel()
    with pytest.raises(NotReadyError):
        await asked[1]
    assert stages.diarizer.calls == 1
