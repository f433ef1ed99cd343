"""Turns: one at a time, the urgent first."""

import asyncio

from deployments.turns import Turns


async def test_the_urgent_go_first_and_the_others_in_their_order() -> None:
    turns, order, at_once = Turns(), [], 0

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


async def test_whoever_gives_up_keeps_nobody_waiting() -> None:
    turns, entered, leave = Turns(), asyncio.Event(), asyncio.Event()

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
