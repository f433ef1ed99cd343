"""The models and devices of the stages, read without starting stages that have scaled down to zero."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping

from ray import serve

from deployments.handles import Handle, result_of

logger = logging.getLogger("ray.serve")

AWAKE = {"RUNNING", "STARTING"}
REFRESH_AGE_S = 5.0
"""A cached status older than this is refreshed in the background: on a busy CPU a stage takes 0.25 s to answer."""
MAX_AGE_S = 30.0
"""A cached status older than this is not returned; the caller waits for the refresh."""

Status = dict[str, str | None]
"""`model`, `device` and `note`."""


class StageStatus:
    """Caches the status of each stage by name. A stage that has scaled to zero keeps its last status."""

    def __init__(self, stages: Mapping[str, Handle]) -> None:
        self._stages = stages
        self._statuses: dict[str, Status] = {}
        self._read_at = -math.inf
        self._reading: asyncio.Task[None] | None = None

    async def __call__(self) -> dict[str, Status]:
        """`model`, `device` and `note` of each stage. Raises Serve's error if a stage does not answer."""
        age = time.monotonic() - self._read_at
        if age > REFRESH_AGE_S and self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._done)
        if age > MAX_AGE_S and self._reading is not None:
            await asyncio.shield(self._reading)  # a cancelled caller must not cancel the refresh for the others
        return {name: self._statuses[name] for name in self._stages}

    async def _read(self) -> None:
        asleep = await asyncio.to_thread(scaled_to_zero) if self._statuses else set()
        awake = [
            name
            for name, handle in self._stages.items()
            if not (name in self._statuses and handle.deployment_id.name in asleep)
        ]
        statuses = await asyncio.gather(*(result_of(self._stages[name].status.remote()) for name in awake))
        self._statuses |= dict(zip(awake, statuses, strict=True))
        self._read_at = time.monotonic()

    def _done(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled() and (error := reading.exception()):
            self._read_at = -math.inf  # the next caller waits, and gets the error
            logger.warning("A stage does not report its status: %s", error)


def scaled_to_zero() -> set[str]:
    """Healthy deployments without replicas. Blocks."""
    return {
        name
        for application in serve.status().applications.values()
        for name, deployment in application.deployments.items()
        if deployment.status == "HEALTHY" and AWAKE.isdisjoint(deployment.replica_states)
    }
