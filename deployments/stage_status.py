"""What the stages run, asked without waking those whose models have been let go."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping

from ray import serve

from deployments.handles import Handle

logger = logging.getLogger("ray.serve")

AWAKE = {"RUNNING", "STARTING"}
FRESH = 5.0
"""Seconds after which the stages are asked again, behind whoever asks: models at work on all of a CPU take a quarter of one."""
STALE = 30.0
"""Seconds after which what they said says nothing any more, and whoever asks waits."""

Status = dict[str, str | None]


class StageStatus:
    """Asks the stages of the graph, by their names in it; one that is asleep stands by what it said last."""

    def __init__(self, stages: Mapping[str, Handle]) -> None:
        self._stages = stages
        self._said: dict[str, Status] = {}
        self._asked = -math.inf
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self) -> dict[str, Status]:
        """`StageStatus` of each stage, as a dictionary. Raises what Serve does where a stage does not answer."""
        age = time.monotonic() - self._asked
        if age > FRESH and self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._answered)
        if age > STALE and self._asking is not None:
            await asyncio.shield(self._asking)  # who gives up waiting does not break it off for the others
        return {name: self._said[name] for name in self._stages}

    async def _ask(self) -> None:
        asleep = await asyncio.to_thread(_asleep) if self._said else set()
        to_ask = [
            name for name, handle in self._stages.items() if not (name in self._said and handle.deployment_id.name in asleep)
        ]
        said = await asyncio.gather(*(self._stages[name].status.remote() for name in to_ask))
        self._said |= dict(zip(to_ask, said, strict=True))
        self._asked = time.monotonic()

    def _answered(self, asking: asyncio.Task[None]) -> None:
        self._asking = None
        if not asking.cancelled() and (error := asking.exception()):
            self._asked = -math.inf  # the next who asks is told
            logger.warning("A stage does not say what it runs: %s", error)


def _asleep() -> set[str]:
    """Deployments without a replica with which nothing is wrong. Blocks."""
    return {
        name
        for application in serve.status().applications.values()
        for name, deployment in application.deployments.items()
        if deployment.status == "HEALTHY" and AWAKE.isdisjoint(deployment.replica_states)
    }
