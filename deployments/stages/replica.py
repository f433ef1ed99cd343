"""The base class of the stages' replicas: weights, device, inference thread, metrics and health."""

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

from deployments.logs import redact_logs
from deployments.loopback import bind_replica
from deployments.metrics import Call, StageMetrics
from deployments.stages.fair_scheduler import FairScheduler
from engines import cuda
from engines.weights.catalogue import Role
from engines.weights.resolver import Resolved, resolve
from media import malloc
from pipeline.faults import DeviceError, StageError, recurs
from pipeline.types import Samples
from settings import Settings

logger = logging.getLogger("ray.serve")

P = ParamSpec("P")
R = TypeVar("R")

NICENESS = 5
"""On a CPU a model would occupy all cores; with a lower priority the processes that answer clients run first."""
CPU_THREADS = 4
"""Threads for calls that need no GPU while the model runs on one: as many as recordings that an ingress processes at a time."""
MAX_CONSECUTIVE_FAILURES = 3
"""A single input may fail on any replica. This many failures in a row mean that the device or the process is broken, and Serve
should replace the replica."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """The status of a stage, as `/status` shows it."""

    model: str
    device: str
    note: str | None
    """Why a setting does not apply - another model runs than the configured one - and the remedy; None where all do."""


def recording_key(audio: Samples) -> int:
    """The same number for all calls of one recording: the address of its samples in the node's object store."""
    return int(audio.__array_interface__["data"][0])


class Replica:
    """Chooses weights and device, runs blocking inference outside the event loop, and checks its own health."""

    def __init__(self, role: Role, settings: Settings) -> None:
        bind_replica()
        redact_logs()
        gpu = bool(ray.get_gpu_ids())
        if not gpu:
            os.nice(NICENESS)  # of this thread and those that it starts: the models' threads, but not Ray's
        self.device = "cuda" if gpu else "cpu"
        self.settings = settings
        self.weights: Resolved = resolve(role, settings, gpu=gpu)
        self.note = self.weights.note
        self.metrics = StageMetrics()
        self._failures = 0
        self._scheduler = FairScheduler()
        # One call uses the whole device; two concurrent calls would only need twice the memory.
        self._inference_thread = ThreadPoolExecutor(1)
        self._cpu_threads = ThreadPoolExecutor(CPU_THREADS)
        malloc.bound_arenas()
        if gpu:
            cuda.preload()
        if self.weights.note:
            logger.warning(self.weights.note)

    async def run(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` on the inference thread.

        Raises:
            StageError: `function` failed.
        """
        turn = self._scheduler.take(urgent=call.urgent, recording_key=call.recording_key)
        return await self._measured(call, turn, self._inference_thread, partial(function, *args, **kwargs))

    async def run_on_cpu(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function`, which needs no GPU, beside a model on a GPU; on a CPU the same as `run`.

        Raises:
            StageError: `function` failed.
        """
        if self.device == "cpu":
            return await self.run(call, function, *args, **kwargs)
        return await self.run_beside(call, function, *args, **kwargs)

    async def run_beside(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function`, which is short and needs no model, at once, beside what the replica does.

        Raises:
            StageError: `function` failed.
        """
        return await self._measured(call, nullcontext(), self._cpu_threads, partial(function, *args, **kwargs))

    async def _measured(
        self, call: Call, turn: AbstractAsyncContextManager[None], thread: ThreadPoolExecutor, function: Callable[[], R]
    ) -> R:
        """Run `function` within `turn` on `thread`, and record the outcome in metrics and health."""
        arrived = time.monotonic()

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
            model = call.model or self.weights.name
            kind = StageError if recurs(error) else DeviceError
            raise kind(f"{call.what} failed with {model} on {self.device}: {error}") from error
        self._failures = 0
        self.metrics.done(call, wait=started - arrived, inference=ended - started)
        return result

    def check_health(self) -> None:
        """Called by Serve every ten seconds. Serve replaces a replica if this raises."""
        malloc.trim()
        if self._failures >= MAX_CONSECUTIVE_FAILURES:
            raise RuntimeError(f"{self._failures} calls in a row failed on {self.device}.")
        if self.device == "cuda":
            cuda.check_device()

    def status(self) -> dict[str, str | None]:
        return asdict(StageStatus(self.weights.name, self.device, self.note))
