"""Faults of stages: which of them recur, and calls of which some may fail.

A fault recurs where the same input makes a stage fail again: shapes that do not match, sound that a model refuses. A replica, a
connection or a device that is lost, a timeout and a lack of memory do not: the recording is tried again.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard, TypeVar

from pipeline.concurrency import map_bounded
from pipeline.types import Span

MAX_REASON_CHARACTERS = 300
STOPPED = "A stage was stopped before it had a result."
"""Why a call failed of which the task was cancelled in its replica, and not by the caller."""

DEVICE_FAULTS = {
    "out of memory": "out_of_memory",  # the wording of torch, CTranslate2 and the C library
    "allocate memory": "out_of_memory",
    "cuda": "device",
    "cublas": "device",
    "cudnn": "device",
    "device": "device",
}
"""Part of an error message, and what it says of the device."""

_RECURRING = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError, AssertionError, AttributeError)
"""What models raise for their input. Lost connections and timeouts are OSError, those of replicas are Ray's own."""

A = TypeVar("A")
B = TypeVar("B")


class StageError(RuntimeError):
    """A call to a stage failed, and would fail again; the message names the stage, the input and the cause."""


class DeviceError(StageError):
    """A call to a stage failed because of the device or the process; another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call has no result."""

    reason: str


def device_fault(error: BaseException) -> str | None:
    """`out_of_memory` or `device` where the error is one of the device; else None."""
    if isinstance(error, MemoryError):
        return "out_of_memory"
    message = str(error).lower()
    return next((name for part, name in DEVICE_FAULTS.items() if part in message), None)


def recurs(error: BaseException) -> bool:
    """Whether the same input would make a stage fail again."""
    if isinstance(error, StageError):  # the replica has looked at its cause; the message names the device
        return not isinstance(error, DeviceError)
    return isinstance(error, _RECURRING) and device_fault(error) is None


def describe(error: BaseException) -> str:
    """The error in a sentence, without the traceback that Ray adds to the text of an error."""
    text = str(getattr(error, "cause", None) or error).strip()
    return text.splitlines()[0][:MAX_REASON_CHARACTERS] if text else type(error).__name__


def succeeded(result: B | Fault) -> TypeGuard[B]:
    return not isinstance(result, Fault)


async def attempt(call: Awaitable[B]) -> B | Fault:
    """The result of the call, or its fault where that would recur. Raises other errors."""
    try:
        return await call
    except Exception as error:
        if not recurs(error):
            raise
        return Fault(describe(error))


async def map_surviving(
    call: Callable[[A], Awaitable[B]], items: Iterable[A], limit: int, *, needed: bool = True
) -> list[B | Fault]:
    """The result of `call` for each item as in `map_bounded`, with a fault for those that fail and would fail again.

    Such items are called a second time, in case the fault was accidental. Where all items fail, and one is `needed`, the
    first error is raised, as is every error that would not recur.
    """
    errors: dict[int, Exception] = {}

    async def one(numbered: tuple[int, A]) -> B | Fault:
        number, item = numbered
        try:
            return await call(item)
        except Exception as error:
            if not recurs(error):
                raise
            errors[number] = error
            return Fault(describe(error))

    numbered = list(enumerate(items))
    results = await map_bounded(one, numbered, limit)
    if needed and errors and len(errors) == len(numbered):
        raise errors[min(errors)]
    again = [numbered[number] for number in sorted(errors)]
    for (number, _), result in zip(again, await map_bounded(one, again, limit), strict=True):
        results[number] = result
    return results


async def each_span(call: Callable[[Sequence[Span]], Awaitable[Sequence[B]]], spans: Sequence[Span]) -> list[B | Fault]:
    """The results of one call for all spans. If it fails and would fail again, each span is tried alone."""
    together = await attempt(call(spans))
    if succeeded(together):
        return list(together)

    async def alone(span: Span) -> B:
        (result,) = await call([span])
        return result

    return [await attempt(alone(span)) for span in spans]
