"""What a stage's replica reports of its work."""

import asyncio
from contextlib import suppress

from deployments.scaling.reports import BUSY, HEARD_AUDIO, WAITING_AUDIO
from deployments.stages.fair_scheduler import FairScheduler
from deployments.stages.workload import Workload


async def test_audio_waits_until_its_turn_begins() -> None:
    workload, scheduler = Workload(), FairScheduler()
    async with workload.waiting(scheduler.take(), 30.0):
        assert workload.stats()[WAITING_AUDIO] == 0
        second = asyncio.create_task(_call(workload, scheduler))
        await asyncio.sleep(0)
        assert workload.stats()[WAITING_AUDIO] == 120
    await second
    assert workload.stats() == {WAITING_AUDIO: 0, HEARD_AUDIO: 120, BUSY: 2}


async def test_a_cancelled_call_waits_no_more() -> None:
    workload, scheduler = Workload(), FairScheduler()
    async with scheduler.take():
        call = asyncio.create_task(_call(workload, scheduler))
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        assert workload.stats()[WAITING_AUDIO] == 0


async def _call(workload: Workload, scheduler: FairScheduler) -> None:
    async with workload.waiting(scheduler.take(), 120.0):
        workload.done(120.0, 2.0)
