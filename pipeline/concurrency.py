"""Waiting for several calls: where one fails the others are cancelled, and its error is the one that is raised."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@overload
async def gather(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(
    first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], fourth: Awaitable[D], /
) -> tuple[A, B, C, D]: ...
async def gather(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """The results of all."""
    return tuple(await map_bounded(_result, calls, len(calls)))


async def map_bounded(call: Callable[[A], Awaitable[B]], items: Iterable[A], at_once: int) -> list[B]:
    """The results of all calls in the items' order, `at_once` of them at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(item: A) -> B:
        async with room:
            return await call(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except* Exception as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _result(awaitable: Awaitable[A]) -> A:
    return await awaitable
