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
from typing import ClassVar, ParamSpec, TypeVar

import ray

from deployments import replica_process
from deployments.logs import stage_logger
from deployments.metrics import Call, StageMetrics, reason
from deployments.stages.fair_scheduler import FairScheduler
from deployments.stages.workload import Workload
from engines import cuda
from engines.weights.catalogue import Role
from engines.weights.resolver import Resolved, resolve
from media import malloc
from pipeline.faults import DeviceError, StageError, describe, recurs
from pipeline.stages import TextsNotEmbeddedError
from pipeline.types import Samples
from settings import Settings

logger = logging.getLogger("ray.serve")

P = ParamSpec("P")
R = TypeVar("R")

NICENESS = 5
"""On a CPU a model would occupy all cores; with a lower priority the processes that answer clients run first."""
CPU_THREADS = 4
"""Threads for calls that need no GPU while the model runs on one: as many as recordings that one machine has in work."""
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

    CALLS: ClassVar[tuple[str, ...]] = ()
    """The names of the stage's calls, as metrics have them."""
    _answered = False
    """Whether a call has succeeded."""

    def __init__(self, role: Role, settings: Settings) -> None:
        self._begun = time.monotonic()
        replica_process.prepare()
        gpu = bool(ray.get_gpu_ids())
        if not gpu:
            os.nice(NICENESS)  # of this thread and those that it starts: the models' threads, but not Ray's
        self.device = "cuda" if gpu else "cpu"
        self.settings = settings
        self.weights = self.find_weights(role, gpu)
        self.note = self.weights.note
        self.metrics = StageMetrics(self.CALLS)
        self.workload = Workload()
        self._failures = 0
        self._scheduler = FairScheduler()
        # One call uses the whole device; two concurrent calls would only need twice the memory.
        self._inference_thread = ThreadPoolExecutor(1)
        self._cpu_threads = ThreadPoolExecutor(CPU_THREADS)
        if gpu:
            cuda.preload()
        if self.weights.note:
            logger.warning(self.weights.note)

    def find_weights(self, role: Role, gpu: bool) -> Resolved:
        """The weights to load. Blocks; raises WeightsError."""
        return resolve(role, self.settings, gpu=gpu)

    def log_loaded(self) -> None:
        """The last call of a stage's constructor."""
        seconds = time.monotonic() - self._begun
        stage_logger().info("%s is loaded on %s after %.1f s", self.weights.name, self.device, seconds)

    async def run(self, call: Call, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` on the inference thread.

        Raises:
            StageError: `function` failed.
        """
        turn = self.workload.waiting(self._scheduler.take(urgent=call.urgent, recording_key=call.recording_key), call.audio)
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
        except TextsNotEmbeddedError as error:  # a server that the replica calls: another replica would do no better
            self.metrics.failed(call, error)
            raise
        except Exception as error:
            self._failures += 1
            self.metrics.failed(call, error)
            failed = f"{call.what} failed with {call.model or self.weights.name} on {self.device}"
            _log_failure(failed, time.monotonic() - arrived, error)
            kind = StageError if recurs(error) else DeviceError
            raise kind(f"{failed}: {error}") from error
        self._failures = 0
        self.metrics.done(call, wait=started - arrived, inference=ended - started)
        if thread is self._inference_thread:
            self.workload.done(call.audio, ended - started)
        if not self._answered:
            self._answered = True
            times = ended - started, started - arrived
            stage_logger().info("First call: %s took %.2f s, after a wait of %.2f s", call.what, *times)
        return result

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Called by Serve; the scaling policy reads it."""
        return self.workload.stats()

    def check_health(self) -> None:
        """Called by Serve every ten seconds. Serve replaces a replica if this raises."""
        malloc.trim()
        if self._failures >= MAX_CONSECUTIVE_FAILURES:
            raise RuntimeError(f"{self._failures} calls in a row failed on {self.device}.")
        if self.device == "cuda":
            cuda.check_device()

    def status(self) -> dict[str, str | None]:
        return asdict(StageStatus(self.weights.name, self.device, self.note))


def _log_failure(failed: str, seconds: float, error: Exception) -> None:
    """One line; a traceback follows where the reason is not known."""
    why = reason(error)
    logger.error("%s after %.1f s (%s): %s", failed, seconds, why, describe(error), exc_info=error if why == "other" else None)
