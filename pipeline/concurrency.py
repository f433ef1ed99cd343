"""Await several calls, of which one that fails cancels the others, or one call that a cancellation must not interrupt."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

MAX_EVEN = 16
"""Replicas that many calls are divided among evenly."""


def even_count(count: int) -> int:
    """A number of calls, `count` or up to half as many more, of which 2, 4, 8 or 16 replicas have the same number each.

    It is a multiple of the largest power of two that is at most half of `count`. 16 replicas would take as long for 30 calls as
    for 32.
    """
    step = min(MAX_EVEN, 1 << max(0, count.bit_length() - 2))
    return step * math.ceil(count / step)


@overload
async def gather(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /) -> tuple[A, B, C]: ...
async def gather(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """The results of all calls."""
    return tuple(await map_bounded(_result, calls, len(calls)))


async def map_bounded(call: Callable[[A], Awaitable[B]], items: Iterable[A], limit: int) -> list[B]:
    """The result of `call` for each item, in the items' order, with at most `limit` calls at a time."""
    slots = asyncio.Semaphore(limit)

    async def one(item: A) -> B:
        async with slots:
            return await call(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except* Exception as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def is_cancelling() -> bool:
    """Whether this task itself is cancelled, and not only a call that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def run_to_end(work: Coroutine[Any, Any, A]) -> A:
    """The result of `work`, which is not interrupted if the caller is cancelled: the cancellation is raised at its end."""
    task, cancellation = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is not None:
        if not task.cancelled():
            task.exception()  # or it would be logged that no one has read it
        raise cancellation
    return task.result()


async def _result(awaitable: Awaitable[A]) -> A:
    return await awaitable
