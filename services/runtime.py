"""What services need of the process that runs them. The defaults are for a process without Ray."""

from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from pipeline.types import Samples


def _same(samples: Samples) -> Samples:
    return samples


def _no_request() -> str:
    return ""


def _new_context(_request_id: str) -> Context:
    return Context()


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    share: Callable[[Samples], Any] = _same
    """Puts samples where the stages read them. Blocks."""
    request_id: Callable[[], str] = _no_request
    """The id of the request that is being answered; empty outside of one."""
    detached: Callable[[str], Context] = _new_context
    """A context for work that outlives its request; its logs carry the given request id."""
    wake: Callable[[], None] = _nothing
    """Starts the stages that have scaled down to zero."""


IN_PROCESS = Runtime()
