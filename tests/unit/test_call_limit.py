"""Calls wait in the process that makes them, so that replicas that start later get some."""

import asyncio
from dataclasses import dataclass, field

from ray.serve._private.common import DeploymentID

from deployments import known_replicas
from deployments.stages.call_limit import CallLimit
from deployments.stages.fair_scheduler import FairScheduler


@dataclass
class Router:
    curr_replicas: dict[str, int] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self)


class Calls:
    """Calls that last until they are ended."""

    def __init__(self, limit: CallLimit) -> None:
        self.limit = limit
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def make(self, *names: str) -> None:
        self.tasks += [asyncio.create_task(self._call(name)) for name in names]
        await settled()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await settled()

    async def _call(self, name: str) -> None:
        async with self.limit.take(name[0]):
            self.begun.append(name)
            self.ends[name] = asyncio.Event()
            await self.ends[name].wait()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_replica_that_starts_later_gets_the_calls_that_wait() -> None:
    deployment, router = DeploymentID(name="Later", app_name="vivavoce"), Router()
    known_replicas.register(deployment, router)
    calls = Calls(CallLimit(deployment, 2))
    await calls.make("a1", "a2", "a3", "a4", "a5", "b1", "b2")
    assert calls.begun == ["a1", "a2"]  # Serve starts the first replica for the first call
    router.curr_replicas |= {"one": 1, "two": 1}
    await calls.end("a1")
    assert calls.begun == ["a1", "a2", "a3", "b1", "a4"]
    del router.curr_replicas["two"]
    await calls.end("a2")
    assert len(calls.begun) == 5  # three are at work, where two may be
    await calls.end("b1")
    await calls.end("a3")
    assert calls.begun[5:] == ["b2"]
    for task in calls.tasks:
        task.cancel()
    await asyncio.gather(*calls.tasks, return_exceptions=True)


async def test_with_fewer_slots_none_is_admitted_until_there_are_few_enough() -> None:
    scheduler, ends, begun = FairScheduler(3), [asyncio.Event() for _ in range(4)], []

    async def call(number: int) -> None:
        async with scheduler.take():
            begun.append(number)
            await ends[number].wait()

    tasks = [asyncio.create_task(call(number)) for number in range(4)]
    await settled()
    assert begun == [0, 1, 2]
    scheduler.resize(1)
    for number in (0, 1):
        ends[number].set()
        await settled()
        assert begun == [0, 1, 2]
    ends[2].set()
    await settled()
    assert begun == [0, 1, 2, 3]
    ends[3].set()
    await asyncio.gather(*tasks)
