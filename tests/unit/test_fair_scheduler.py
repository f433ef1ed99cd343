"""Turns: few at a time, the urgent first, and none of a recording's before all of another's."""

import asyncio

from deployments.stages.fair_scheduler import FairScheduler


async def test_the_urgent_go_first_and_the_others_in_their_order() -> None:
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


async def test_recordings_take_turns_however_many_calls_they_have_waiting() -> None:
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


async def test_whoever_gives_up_keeps_nobody_waiting() -> None:
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
    await holder  # the next one has the turn now, but has not run since
    next_one.cancel()
    assert await asyncio.wait_for(last, 5) == "done"
    assert await asyncio.wait_for(take(), 5) == "done"
    assert gives_up.cancelled()


async def test_while_it_is_closed_nobody_enters_and_then_as_many_as_there_is_room_for() -> None:
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
