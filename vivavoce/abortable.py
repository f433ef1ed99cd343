"""Run code that starts processes so that a signal can abort it at any time.

An exception that a signal handler raises does not abort the start of Ray reliably: Ray replaces the handlers, and an exception
that is raised in a destructor or a callback of C code is only printed.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import NoReturn, TypeVar

import psutil

POLL_INTERVAL_S = 0.1

Result = TypeVar("Result")

THREAD = ThreadPoolExecutor(1)
"""Lives as long as this process: Linux kills Ray's processes when the thread that has begun them ends (PR_SET_PDEATHSIG)."""


class AbortedError(Exception):
    """The code was aborted. Its thread and the processes that it has begun still run: end this process with `exit`."""

    def __init__(self, earlier: list[psutil.Process]) -> None:
        super().__init__()
        self._earlier = earlier

    def kill(self) -> None:
        """Kill the processes that the code has begun, with their descendants."""
        for child in psutil.Process().children():
            if child not in self._earlier:
                with suppress(psutil.NoSuchProcess):
                    for process in (child, *child.children(recursive=True)):
                        process.kill()

    def exit(self) -> NoReturn:
        """Kill the processes that the code has begun, and end this process at once: exit handlers would wait for the thread."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # Ray prints a stack trace when its processes are gone
        self.kill()
        os._exit(1)


def run(start: Callable[[], Result], stop: threading.Event) -> Result:
    """Return the result of `start`, which runs in a thread. Raises AbortedError once `stop` is set, and what `start` raises."""
    earlier = psutil.Process().children()
    started = THREAD.submit(start)
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    done = False
    while not done:
        done = bool(wait([started], POLL_INTERVAL_S).done)
        for signum, handler in handlers.items():
            signal.signal(signum, handler)  # Ray's C++ code replaces that of SIGTERM by one that prints a stack trace
        if stop.is_set():
            raise AbortedError(earlier)
    return started.result()
