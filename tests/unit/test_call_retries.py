"""Calls to stages are repeated after a replica died or stopped them."""

import asyncio
from collections.abc import Iterator

import pytest
from ray.exceptions import ActorDiedError

from deployments import handles
from deployments.handles import RETRY_DELAYS_S, call_with_retry
from pipeline.faults import DeviceError, recurs

ATTEMPTS = len(RETRY_DELAYS_S) + 1


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "RETRY_DELAYS_S", (0.0,) * len(RETRY_DELAYS_S))


class Call:
    """Raises these errors, then returns."""

    def __init__(self, *errors: BaseException) -> None:
        self.calls = 0
        self._errors: Iterator[BaseException] = iter(errors)

    async def __call__(self) -> str:
        self.calls += 1
        if error := next(self._errors, None):
            raise error
        return "done"


@pytest.mark.parametrize("error", [ActorDiedError(), asyncio.CancelledError()])
async def test_a_call_is_repeated_until_it_has_cost_three_replicas(error: BaseException) -> None:
    call = Call(*[error] * (ATTEMPTS - 1))
    assert await call_with_retry(call) == "done"
    assert call.calls == ATTEMPTS


async def test_a_call_that_is_stopped_again_and_again_fails_and_does_not_cancel_its_caller() -> None:
    call = Call(*[asyncio.CancelledError()] * ATTEMPTS)
    with pytest.raises(DeviceError, match="A stage was stopped before") as raised:
        await call_with_retry(call)
    assert call.calls == ATTEMPTS
    assert not recurs(raised.value)  # a job is tried again


async def test_a_caller_that_is_cancelled_calls_no_more() -> None:
    begun, calls = asyncio.Event(), 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        begun.set()
        await asyncio.Event().wait()

    calling = asyncio.create_task(call_with_retry(call))
    await begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert calls == 1
