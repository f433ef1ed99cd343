"""How much memory decoded sound may take. What does not fit is in a temporary file: the kernel may drop its pages."""

import tempfile
import threading
import weakref
from pathlib import Path

import numpy as np
import psutil

from media import free_space
from pipeline.types import Samples

SHARE = 8
"""Decoded sound may take this part of the memory. The models, the database and other replicas need the rest."""
SAMPLE_BYTES = 4
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def of_machine() -> int:
    """Bytes of memory that this process may use: those of the machine, or of its container (cgroup v1 or v2)."""
    return min([psutil.virtual_memory().total, *_container_limits()])


class MemoryBudget:
    """Limits the memory that decoded recordings take at a time. Its methods may be called in any thread."""

    def __init__(self, limit_bytes: int | None = None) -> None:
        self.limit_bytes = of_machine() // SHARE if limit_bytes is None else limit_bytes
        self.used_bytes = 0
        self._lock = threading.Lock()

    def allocate(self, length: int) -> Samples:
        """An array of `length` samples: in memory while the budget lasts, else in a temporary file. Either goes with it.

        Raises DiskFullError.
        """
        size = length * SAMPLE_BYTES
        with self._lock:
            fits = self.used_bytes + size <= self.limit_bytes
            self.used_bytes += size if fits else 0
        if not fits:
            return _in_file(length)
        samples = np.empty(length, np.float32)
        weakref.finalize(samples, self._release, size)
        return samples

    def _release(self, size: int) -> None:
        with self._lock:
            self.used_bytes -= size


def _in_file(length: int) -> Samples:
    with tempfile.TemporaryFile(prefix="vivavoce-") as file:
        # On a full disk, writing to a page without a block would end the process (SIGBUS).
        free_space.reserve(file, length * SAMPLE_BYTES)
        return np.memmap(file, np.float32, "r+", shape=(length,)).view(np.ndarray)


def _container_limits() -> list[int]:
    """The limits of the groups that this process is in, from the innermost to the root."""
    try:
        lines = _OWN_CGROUP.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = root / path.lstrip("/")
        for place in (group, *(parent for parent in group.parents if parent.is_relative_to(root))):
            try:
                found.append(int((place / name).read_text()))
            except (OSError, ValueError):  # not there, or `max`
                continue
    return found
