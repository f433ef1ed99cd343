"""Failures that do not depend on the content of a request: a limit, an outage, a conflict, a full disk.

REST and MCP report each with the same sentence.
"""

import errno
import logging
from dataclasses import dataclass
from typing import Literal

from media.free_space import DiskFullError
from services.errors import LimitExceededError, ModelsUnavailableError
from storage.audio_errors import AudioStoreError
from storage.postgres import database

logger = logging.getLogger("ray.serve")

DATABASE_AWAY = "The database does not answer. Nothing was changed: try again in a moment."
CONFLICT = "Something that this concerns was changed at the same moment. Nothing of this was stored: look again, and try again."
DISK_FULL = "The server's disk is full. Nothing was kept of this: free some space there, and send it again."
RETRY_S = 5
"""In this time a crashed embedded PostgreSQL restarts."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TYPES: tuple[type[Exception], ...] = (LimitExceededError, ModelsUnavailableError, OSError, *database.FAILURES)
"""Types of which `classify` recognises some instances."""


@dataclass(frozen=True, slots=True)
class Failure:
    kind: Literal["limit", "unavailable", "disk_full"]
    sentence: str
    """For the client: what happened, and what to do."""
    retry_after_s: int | None
    """None where another attempt fails until the cause is removed."""


def classify(error: BaseException) -> Failure | None:
    """The failure that caused the error; None for any other error. The text of the error goes to the log."""
    if isinstance(error, LimitExceededError):
        return Failure("limit", str(error), error.retry_after_s)
    if isinstance(error, ModelsUnavailableError):
        return Failure("unavailable", str(error), RETRY_S)
    if isinstance(error, AudioStoreError):
        logger.error("%s (%s)", error, error.__cause__)
        return Failure("unavailable", str(error), RETRY_S)
    if database.is_away(error):
        logger.warning("The database does not answer: %s", error)
        return Failure("unavailable", DATABASE_AWAY, RETRY_S)
    if database.is_conflict(error):
        logger.warning("A transaction was prevented by another one: %s", error)
        return Failure("unavailable", CONFLICT, RETRY_S)
    if database.is_full(error) or getattr(error, "errno", None) in NO_SPACE:
        logger.error("The disk is full: %s", error)
        return Failure("disk_full", str(error) if isinstance(error, DiskFullError) else DISK_FULL, None)
    return None
