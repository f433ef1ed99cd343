"""What the stages run, asked without waking those whose models have been let go."""

import asyncio
import time
from collections.abc import Mapping

from ray import serve

from deployments.graph import Handle

AWAKE = {"RUNNING", "STARTING"}
FRESH = 5.0
"""Seconds for which what they said stands: to ask models at work on all of a CPU takes a quarter of a second."""

Status = dict[str, str | None]


class Statuses:
    """Asks the stages of the graph, by their names in it; one that is asleep stands by what it said last."""

    def __init__(self, stages: Mapping[str, Handle]) -> None:
        self._stages = stages
        self._said: dict[str, Status] = {}
        self._asked = 0.0

    async def __call__(self) -> dict[str, Status]:
        """`StageStatus` of each stage, as a dictionary. Raises what Serve does where a stage does not answer."""
        if self._said and time.monotonic() - self._asked < FRESH:
            return dict(self._said)
        asleep = await asyncio.to_thread(_asleep) if self._said else set()
        to_ask = [
            name for name, handle in self._stages.items() if not (name in self._said and handle.deployment_id.name in asleep)
        ]
        said = await asyncio.gather(*(self._stages[name].status.remote() for name in to_ask))
        self._said |= dict(zip(to_ask, said, strict=True))
        self._asked = time.monotonic()
        return {name: self._said[name] for name in self._stages}


def _asleep() -> set[str]:
    """Deployments without a replica with which nothing is wrong. Blocks."""
    return {
        name
        for application in serve.status().applications.values()
        for name, deployment in application.deployments.items()
        if deployment.status == "HEALTHY" and AWAKE.isdisjoint(deployment.replica_states)
    }
