"""The principal that the current request acts for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pipeline.access import LOCAL, Principal


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal, and where its request came from."""

    principal: Principal
    address: str | None = None
    """Of the client."""
    request_id: str | None = None


_actor: ContextVar[Actor] = ContextVar("actor")
"""Set for each request, connection or job; a parameter would pass through every service unchanged."""


def actor() -> Actor:
    return _actor.get(Actor(LOCAL))


def act_for(found: Actor) -> None:
    """Set the actor of the current task, and of the tasks that it starts."""
    _actor.set(found)


@contextmanager
def acting_for(found: Actor) -> Iterator[None]:
    """The same for the duration of a block."""
    token = _actor.set(found)
    try:
        yield
    finally:
        _actor.reset(token)
