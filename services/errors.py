"""Errors that services raise to every door, and why a recording or a segment failed."""

import asyncio

from pipeline.faults import STOPPED, describe
from services.redaction import redact


class ModelsUnavailableError(RuntimeError):
    """The stages do not answer; the message says what to do."""

    def __init__(self) -> None:
        super().__init__("The models do not answer; wait until GET /health/ready does.")


class SegmentNotFoundError(LookupError):
    """The conversation has no such segment."""

    def __init__(self) -> None:
        super().__init__("Segment not found")


class LimitExceededError(Exception):
    """A limit of the principal, account or address is reached; the message says which, and what to do."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotAllowedError(Exception):
    """The principal may not do this; the message says who may."""


def failure_reason(error: BaseException) -> str:
    """One sentence for the client, without secrets."""
    if isinstance(error, TimeoutError):
        return "The models took too long."
    if isinstance(error, asyncio.CancelledError):
        return STOPPED
    return redact(describe(error))
