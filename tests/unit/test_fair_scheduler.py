"""The fair scheduler: a limited number of calls at once, urgent calls first, then round-robin over recordings."""

import asyncio

from deployments.stages.fair_scheduler import FairScheduler


async def test_urgent_calls_go_first_and_the_others_in_their_order() -> None:
    turns, order, at_once = FairScheduler(), [], 0

    async def work(name: str, urgent: bool) -> None:
        nonlocal at_once
        async with turns.take(urgent=urgent):
            at_once += 1
            assert at_once == 1
            await asyncio.sleep(0)
            order.append(name)
            at_once -= 1

    names = ["a", "b", "live 1", "c", "live 2"]
    await asyncio.gather(*(work(name, name.startswith("live")) for name in names))
    assert order == ["a", "live 1", "live 2", "b", "c"]


async def test_recordings_are_served_round_robin() -> None:
    turns, order, leave = FairScheduler(slots=2), [], asyncio.Event()

    async def work(name: str) -> None:
        async with turns.take(recording_key=name[0]):
            await leave.wait()
            order.append(name)

    names = ("a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "c1")
    waiting = [asyncio.create_task(work(name)) for name in names]
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(*waiting)
    assert order == ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5", "a6"]


async def test_a_cancelled_call_delays_no_other() -> None:
    turns, entered, leave = FairScheduler(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with turns.take(urgent=False):
            entered.set()
            await leave.wait()

    async def take() -> str:
        async with turns.take(urgent=False):
            return "done"

    holder = asyncio.create_task(hold())
    await entered.wait()
    gives_up, next_one, last = (asyncio.create_task(take()) for _ in range(3))
    await asyncio.sleep(0)
    gives_up.cancel()
    leave.set()
    await holder  # the next call is admitted, but has not run since
    next_one.cancel()
    assert await asyncio.wait_for(last, 120) == "done"
    assert await asyncio.wait_for(take(), 120) == "done"
    assert gives_up.cancelled()


async def test_a_closed_scheduler_admits_none_and_then_as_many_as_allowed() -> None:
    turns, entered = FairScheduler(slots=3), []
    leave = asyncio.Event()

    async def take(name: str) -> None:
        async with turns.take(recording_key=name[0]):
            entered.append(name)
            await leave.wait()

    with turns.closed():
        tasks = [asyncio.create_task(take(name)) for name in ("a1", "a2", "a3", "b1", "b2")]
        await asyncio.sleep(0)
        assert entered == []
    await asyncio.sleep(0)
    assert entered == ["a1", "b1", "a2"]
    leave.set()
    await asyncio.gather(*tasks)
    assert entered == ["a1", "b1", "a2", "b2", "a3"]
