"""The directory of the recordings that are being made. Each file is named by the UUID of its conversation."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from media import spool
from media.spool import Spool, SpoolBusyError


@dataclass(frozen=True, slots=True)
class SpoolDirectory:
    """All functions block."""

    path: Path

    def file(self, uuid: UUID) -> Path:
        return self.path / f"{uuid}{spool.SUFFIX}"

    def touch(self) -> None:
        """Restart the time after which recordings count as abandoned."""
        for path in self.path.glob(f"*{spool.SUFFIX}"):
            with suppress(FileNotFoundError):  # another replica has finished it
                os.utime(path)

    def abandoned(self, age_s: float) -> list[Path]:
        """Files that were not written or closed in the last `age_s` seconds; a live stream may still hold them."""
        found = []
        for path in self.path.glob(f"*{spool.SUFFIX}"):
            with suppress(FileNotFoundError):  # finished meanwhile
                if time.time() - path.stat().st_mtime >= age_s:
                    found.append(path)
        return found


def open_free(path: Path) -> Spool | None:
    """Open a recording; None if it does not exist or another stream holds it. Blocks."""
    try:
        return Spool(path) if path.exists() else None
    except SpoolBusyError:
        return None
