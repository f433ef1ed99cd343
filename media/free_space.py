"""Keep some space free on the disk: on a full one the database stops, and nothing can be deleted any more."""

import errno
import os
from pathlib import Path
from typing import IO

MAX_FLOOR_BYTES = 1 << 30
FLOOR_SHARE = 20
"""The floor is this part of the disk, but no more than `MAX_FLOOR_BYTES`."""


class DiskFullError(OSError):
    """Less space is free than must stay free; the message is one sentence for the client, without paths."""

    def __init__(self, floor_bytes: int) -> None:
        floor = f"{floor_bytes / 1e9:.1f} GB" if floor_bytes >= 1e8 else f"{floor_bytes / 1e6:.0f} MB"
        self.sentence = f"The server's disk is full: its last {floor} stay free. Free some space there, and try again."
        super().__init__(errno.ENOSPC, self.sentence)

    def __str__(self) -> str:
        return self.sentence


def require(directory: Path, size_bytes: int = 0) -> None:
    """Raise DiskFullError unless enough is free on the disk of `directory` after `size_bytes` more. Takes microseconds."""
    _require(os.statvfs(_existing(directory)), size_bytes)


def reserve(file: IO[bytes], size_bytes: int) -> None:
    """Give an empty file its size and its space on the disk, under the same condition. Raises DiskFullError."""
    disk = os.fstatvfs(file.fileno())
    _require(disk, size_bytes)
    try:
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DiskFullError(_floor(disk)) from error


def _require(disk: os.statvfs_result, size_bytes: int) -> None:
    if disk.f_bavail * disk.f_frsize - size_bytes < _floor(disk):
        raise DiskFullError(_floor(disk))


def _floor(disk: os.statvfs_result) -> int:
    return min(MAX_FLOOR_BYTES, disk.f_blocks * disk.f_frsize // FLOOR_SHARE)


def _existing(directory: Path) -> Path:
    """The directory, or the one in which it would be made."""
    return next(place for place in (directory.absolute(), *directory.absolute().parents) if place.exists())
