"""Which faults of stages recur, and what is kept where some calls fail."""

import asyncio

import pytest
from ray.exceptions import ActorDiedError, RayTaskError

from pipeline.faults import DeviceError, Fault, StageError, describe, each_span, map_surviving, recurs
from pipeline.types import Span


class ClientError(Exception):
    """Of a library that the pipeline does not know."""


SHAPES = RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x0 and 80x512)")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SHAPES, True),
        (ValueError("n_samples=4 should be >= n_clusters=5."), True),
        (IndexError("list index out of range"), True),
        (StageError("Transcribing 3.0 to 9.0 s failed with whisper-base on cuda: no such shape"), True),
        (DeviceError("Transcribing 3.0 to 9.0 s failed with whisper-base on cpu: no memory"), False),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("The device is lost."), False),
        (RuntimeError("CUDA out of memory."), False),
        (MemoryError(), False),
        (TimeoutError(), False),
        (ConnectionResetError(), False),
        (ActorDiedError(), False),
        (ClientError("unavailable"), False),
    ],
)
def test_a_fault_of_the_input_recurs_and_that_of_the_machine_does_not(error: Exception, expected: bool) -> None:
    assert recurs(error) is expected


@pytest.mark.parametrize(("cause", "expected"), [(StageError("shapes on cuda"), True), (DeviceError("lost"), False)])
def test_the_error_of_a_replica_is_judged_as_its_cause(cause: Exception, expected: bool) -> None:
    raised = RayTaskError("transcribe", "Traceback …", cause).as_instanceof_cause()
    assert recurs(raised) is expected
    assert describe(raised) == str(cause)


def test_an_error_is_described_in_one_line() -> None:
    assert describe(ValueError("First.\nSecond.")) == "First."
    assert describe(KeyError()) == "KeyError"
    assert len(describe(ValueError("x" * 10_000))) == 300


class Items:
    """Doubles a number. The first `failures` calls with each odd number raise `error`."""

    def __init__(self, error: Exception, failures: int = 99) -> None:
        self.error, self.failures = error, failures
        self.calls: list[int] = []

    async def __call__(self, item: int) -> int:
        self.calls.append(item)
        await asyncio.sleep(0)
        if item % 2 and self.calls.count(item) <= self.failures:
            raise self.error
        return 2 * item


async def test_what_succeeds_is_kept_and_what_fails_twice_is_a_fault() -> None:
    call = Items(SHAPES)
    assert await map_surviving(call, [2, 3, 4], 2) == [4, Fault(str(SHAPES)), 8]
    assert sorted(call.calls) == [2, 3, 3, 4]


async def test_chance_costs_nothing() -> None:
    assert await map_surviving(Items(SHAPES, failures=1), [2, 3], 2) == [4, 6]


async def test_where_all_fail_the_error_is_raised_and_nothing_is_repeated() -> None:
    call = Items(SHAPES)
    with pytest.raises(RuntimeError, match="shapes"):
        await map_surviving(call, [3, 5], 2)
    assert sorted(call.calls) == [3, 5]
    assert await map_surviving(Items(SHAPES), [3], 2, needed=False) == [Fault(str(SHAPES))]
    assert await map_surviving(Items(SHAPES), [], 2) == []


@pytest.mark.parametrize("error", [DeviceError("lost"), TimeoutError(), MemoryError()])
async def test_a_fault_that_does_not_recur_ends_all(error: Exception) -> None:
    with pytest.raises(type(error)):
        await map_surviving(Items(error), [2, 3, 4], 1)


async def test_a_span_that_fails_costs_the_others_of_its_call_nothing() -> None:
    async def call(spans: list[Span]) -> list[float]:
        if Span(1, 2) in spans:
            raise SHAPES
        return [span.start for span in spans]

    spans = [Span(i, i + 1) for i in range(3)]
    assert await each_span(call, spans) == [0, Fault(str(SHAPES)), 2]  # type: ignore[arg-type]
