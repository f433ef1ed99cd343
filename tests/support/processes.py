"""Processes of this machine: those that a process started, and how to kill them."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def descendants(pid: int) -> list[int]:
    """Children of a process, their children and so on, as far as they still run."""
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def end_now(pids: Iterable[int]) -> None:
    """Send SIGKILL to those that still run."""
    for pid in pids:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()
