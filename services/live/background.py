"""The threads and the tasks of all live conversations of a process."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVar

from services.access.actor import act_for, actor

logger = logging.getLogger("ray.serve")

THREADS = 4
"""Shared by all streams."""

T = TypeVar("T")


class StreamThreads:
    """The threads in which streams are decoded, searched for speech, and read from and written to disk."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="live")

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks. It runs to its end even if the caller is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def shutdown(self) -> None:
        self._executor.shutdown(wait=False)


class BackgroundTasks:
    """Tasks that outlive the request in which they start: Ray Serve cancels everything else when the request ends.

    They act for the principal of that request. The errors of a task are logged, except `expected` ones.
    """

    def __init__(self, *expected: type[Exception]) -> None:
        self._expected = expected
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        context = Context()
        context.run(act_for, actor())
        task = asyncio.create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def cancel(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, self._expected):
            logger.error("A background task of a live conversation failed", exc_info=error)
