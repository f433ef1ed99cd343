"""Processes of this machine: those that a process started, and how to kill them."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def descendants(pid: int) -> list[int]:
    """Children of a process, their children and so on, as far as they still run."""
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def resident_bytes(pid: int) -> int:
    """The memory that a process has now."""
    resident: int = psutil.Process(pid).memory_info().rss
    return resident


def forget_peak(pid: int) -> None:
    """`peak_bytes` is from now on that after this call."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    return 1024 * int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])


def end_now(pids: Iterable[int]) -> None:
    """Send SIGKILL to those that still run."""
    for pid in pids:
        with suppress(psutil.Error):
            psutil.Process(pid).kill()


def ray_access(pid: int) -> dict[str, str]:
    """The environment variables by which drivers and nodes are admitted to the Ray that a process has started."""
    for child in descendants(pid):
        with suppress(psutil.Error):
            if psutil.Process(child).name() == "raylet":
                return {name: value for name, value in psutil.Process(child).environ().items() if name.startswith("RAY_AUTH_")}
    raise LookupError(f"Process {pid} has started no Ray.")


def gcs_address(pid: int) -> str:
    """The address of the Ray that a process has started, for drivers and nodes."""
    found = set()
    for child in descendants(pid):
        with suppress(psutil.Error):
            found.update(re.findall(r"raylet .*--gcs-address=(\S+)", " ".join(psutil.Process(child).cmdline())))
    (address,) = found
    return str(address)
