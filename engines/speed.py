"""Which Whisper model this machine can run beside the other stages: measured on a piece of speech."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engines import in_process
from engines.weights.resolver import WeightsError, resolve_other
from pipeline.decoding import Decoding
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Samples
from settings import Settings

SIZES = ("whisper-base", "small", "medium", "large-v3-turbo", "large-v3")
"""Multilingual models, the more accurate ones later. On a CPU each takes longer than the one before."""

MAX_REAL_TIME_FACTOR = 0.5
"""A model keeps up when all stages together take at most so many seconds for a second of speech. The other half is for what
comes at the same time: partial results of live audio, which transcribe a segment several times, and the database."""

RUNS = 2
"""After one that loads what is loaded once; the fastest counts: slower ones are due to other work of the machine."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A Whisper model with its speed, or the reason why it has none."""

    model: str
    real_time_factor: float | None = None
    """Seconds of all stages for a second of speech."""
    reason: str = ""

    @property
    def keeps_up(self) -> bool:
        return self.real_time_factor is not None and self.real_time_factor <= MAX_REAL_TIME_FACTOR


def measure(samples: Samples, settings: Settings, *, device: str) -> Iterator[Measured]:
    """The sizes in order, downloaded if need be; those after the first that does not keep up are not downloaded.

    Raises WeightsError where a model of another stage cannot be had.
    """
    settings = settings.model_copy(update={"whisper_models": list(SIZES)})
    stages: in_process.LocalStages | None = None
    too_slow = ""
    for name in SIZES:
        if too_slow:
            yield Measured(name, reason=f"{too_slow}, which is smaller, does not keep up")
            continue
        try:
            resolve_other(name, settings, progress=True)
        except WeightsError as error:
            yield Measured(name, reason=str(error))
            continue
        stages = stages or in_process.load(settings, device=device, model=name)
        found = Measured(name, _real_time_factor(samples, stages, name))
        too_slow = "" if found.keeps_up else name
        yield found


def largest(measured: Sequence[Measured]) -> str | None:
    """The largest model that keeps up; None where none does."""
    return next((each.model for each in reversed(measured) if each.keeps_up), None)


def _real_time_factor(samples: Samples, stages: in_process.LocalStages, model: str) -> float:
    seconds = len(samples) / SAMPLE_RATE
    times = []
    for _ in range(1 + RUNS):
        began = time.perf_counter()
        asyncio.run(process(samples, seconds, stages, Options(decoding=Decoding(model=model)), _ignore))
        times.append(time.perf_counter() - began)
    return min(times[1:]) / seconds


async def _ignore(_stage: str, _fraction: float) -> None: ...
