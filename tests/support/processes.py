"""Processes of this machine: those that a process started, and how to kill them."""

import re
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


def gcs_address(pid: int) -> str:
    """The address of the Ray that a process has started, for drivers and nodes."""
    found = set()
    for child in descendants(pid):
        with suppress(psutil.Error):
            found.update(re.findall(r"raylet .*--gcs-address=(\S+)", " ".join(psutil.Process(child).cmdline())))
    (address,) = found
    return str(address)
