"""Whether every stage can take calls now.

The answer comes from the replicas, not from Serve's controller, which notices the death of a replica at its next health check,
up to ten seconds later. A call to a dead replica fails at once. A replica that is alive and computes may answer late: while
this process knows a replica of the stage, a call that takes long means a busy stage, not a missing one.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, RayServeException

from deployments import known_replicas
from deployments.handles import CallStoppedError, Handle, result_of
from deployments.stage_status import scaled_to_zero

logger = logging.getLogger("ray.serve")

MAX_AGE_S = 1.0
"""An answer younger than this is given again. With `CALL_TIMEOUT_S` no answer is older than two seconds."""
CALL_TIMEOUT_S = 1.0
"""How long a stage may take to answer. On a busy CPU most answers take less than 0.3 s."""
MAX_CALLS = 3
"""Calls until one does not reach a dead replica. Each of them makes Serve forget one that has died."""


class NotReadyError(Exception):
    """Stages that can take no calls; the message names them."""


class Readiness:
    """Raises NotReadyError where a stage can take no calls. Calls each stage at most once in `MAX_AGE_S`, for all callers."""

    def __init__(self, stages: Mapping[str, Handle]) -> None:
        self._stages = stages
        self._started = -math.inf
        self._check: asyncio.Task[list[str]] | None = None
        self._absent: list[str] = []

    async def __call__(self) -> None:
        if self._check is None or (self._check.done() and time.monotonic() - self._started >= MAX_AGE_S):
            self._started = time.monotonic()
            self._check = asyncio.create_task(self._find_absent())
        if absent := await asyncio.shield(self._check):  # a caller that is cancelled must not end the check of the others
            raise NotReadyError(f"No replica of these stages answers: {', '.join(absent)}.")

    async def _find_absent(self) -> list[str]:
        """Names of the stages that can take no calls."""
        idle: set[str] = set()
        if not all(known_replicas.count(handle.deployment_id) for handle in self._stages.values()):
            idle = await asyncio.to_thread(scaled_to_zero)
        # The next call of an idle stage starts it; these calls must not.
        awake = {name: handle for name, handle in self._stages.items() if handle.deployment_id.name not in idle}
        found = await asyncio.gather(*(_can_take_calls(handle) for handle in awake.values()))
        absent = [name for name, ready in zip(awake, found, strict=True) if not ready]
        if absent != self._absent:
            now = f"No replica of these stages answers: {', '.join(absent)}." if absent else "All stages answer again."
            logger.warning(now)
        self._absent = absent
        return absent


async def _can_take_calls(handle: Handle) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return await _answers(handle)
    return known_replicas.count(handle.deployment_id) > 0


async def _answers(handle: Handle) -> bool:
    """Whether a replica answers. Returns when one does, or when those that were called have died or stopped."""
    for _ in range(MAX_CALLS):
        try:
            await result_of(handle.status.remote())
        except BackPressureError:  # its queues are full of calls
            return True
        except (RayActorError, CallStoppedError):
            continue
        except (RayError, RayServeException) as error:
            logger.warning("%s cannot be called: %s", handle.deployment_id.name, error)
            return False
        return True
    return False
