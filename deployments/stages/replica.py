"""What the replicas of all four stages have in common."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import ParamSpec, TypeVar

import ray

from deployments.metrics import Call, StageMetrics
from deployments.stages.fair_scheduler import FairScheduler
from engines import cuda
from engines.weights.catalogue import Role
from engines.weights.resolver import Resolved, resolve
from media import malloc
from pipeline.types import Samples
from settings import Settings

logger = logging.getLogger("ray.serve")

P = ParamSpec("P")
R = TypeVar("R")

NICENESS = 5
"""On a CPU, which a model would fill: who answers clients goes first there."""
BESIDE = 4
"""Threads for what needs no GPU while the model works on one: a recording each of those that an ingress lets in at a time."""
FAILURES_IN_A_ROW = 3
"""One input may fail anywhere. When so many fail in a row, it is the device or the process, and Serve should replace it."""


class StageError(RuntimeError):
    """A stage could not do its work; says which stage, which input and why."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """What `/status` tells of a stage."""

    model: str
    device: str
    note: str | None
    """Why it is not the model that the settings ask for, and what to do about it; None where it is."""


def owner(audio: Samples) -> int:
    """What calls for the same recording have in common: the samples are the same memory, that of the node's object store."""
    return int(audio.__array_interface__["data"][0])


class Replica:
    """Chooses weights and device, runs blocking inference beside the event loop, and knows whether it still works."""

    def __init__(self, role: Role, settings: Settings) -> None:
        gpu = bool(ray.get_gpu_ids())
        if not gpu:
            os.nice(NICENESS)  # of this thread, and of all that come from it: the models', but not Ray's own
        self.device = "cuda" if gpu else "cpu"
        self.settings = settings
        self.weights: Resolved = resolve(role, settings, gpu=gpu)
        self.metrics = StageMetrics()
        self._failures = 0
        self._turns = FairScheduler()
        # A model uses the whole device by itself; two calls side by side would only hold twice the memory.
        self._thread = ThreadPoolExecutor(1)
        self._beside = ThreadPoolExecutor(BESIDE)
        malloc.bound_arenas()
        if gpu:
            cuda.preload()
        if self.weights.note:
            logger.warning(self.weights.note)

    async def run(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `function`, from this replica's one thread for inference.

        Raises:
            StageError: Naming what `call` works on, where it fails.
        """
        turn = self._turns.take(urgent=call.urgent, recording_key=call.recording_key)
        return await self._told(call, turn, self._thread, partial(function, *args, **kwargs))

    async def run_on_cpu(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `function`, which needs no GPU: the model on one does not wait for it. On a CPU it takes its turn.

        Raises:
            StageError: As `run` does.
        """
        if self.device == "cpu":
            return await self.run(call, function, *args, **kwargs)
        return await self._told(call, nullcontext(), self._beside, partial(function, *args, **kwargs))

    async def _told(
        self, call: Call, turn: AbstractAsyncContextManager[None], thread: ThreadPoolExecutor, function: Callable[[], R]
    ) -> R:
        """What `function` returns, in its turn; metrics and health are told how it went."""
        came = time.monotonic()

        def timed() -> tuple[R, float, float]:
            started = time.monotonic()
            return function(), started, time.monotonic()

        try:
            async with turn:
                result, started, ended = await asyncio.get_running_loop().run_in_executor(thread, timed)
        except Exception as error:
            self._failures += 1
            self.metrics.failed(call, error)
            logger.exception("%s failed", call.what)
            raise StageError(f"{call.what} failed with {self.weights.name} on {self.device}: {error}") from error
        self._failures = 0
        self.metrics.done(call, wait=started - came, inference=ended - started)
        return result

    def check_health(self) -> None:
        """Called by Serve every ten seconds; raising makes it replace this replica."""
        malloc.trim()
        if self._failures >= FAILURES_IN_A_ROW:
            raise RuntimeError(f"{self._failures} calls in a row failed on {self.device}.")
        if self.device == "cuda":
            cuda.check_device()

    def status(self) -> dict[str, str | None]:
        return asdict(StageStatus(self.weights.name, self.device, self.weights.note))
