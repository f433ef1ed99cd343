"""Decide how many replicas each stage gets. Pure: the time and the state of the cluster are arguments.

Serve's own policy looks at one deployment at a time, counts calls, and gives minimum replicas no priority: a stage with many
short calls took all GPUs, and one that had lost its last replica waited for minutes behind others that wanted one more. This
planner looks at all stages, counts seconds of work, and first of all brings a stage back that has no replica.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WORK_ON_FREE_GPUS_S = 10.0
"""Work that waits for each replica above which the stage gets another one on GPUs that are there. They cost nothing more."""
WORK_ON_NEW_GPUS_S = 120.0
"""The same for GPUs that do not exist yet: a machine starts and loads its models for minutes."""
OVERDUE_S = 120.0
"""A job that waits longer is reason enough for a new machine, however short its recording is."""
SHARE_DELAY_S = 30.0
"""How long a stage keeps replicas that it does not need while another stage needs them; estimates of work vary from second to
second."""
SETTLE_S = 3.0
"""How long Serve and Ray may take to place a new replica before it counts as one that finds no place."""
PLACE_S = 15.0
"""The same where a node has enough free GPU: on a node with several GPUs it may be in parts that are too small."""
STOP_S = 10.0
"""Time between two replicas that are stopped to make room: the first may be enough, once it has finished its calls."""
TOLERANCE = 1e-6
"""Of sums of GPU fractions."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage at one moment."""

    gpus: float
    """Fraction of a GPU that a replica takes."""
    work_s: float
    """Seconds that one replica would compute for all that waits for the stage."""
    running: int
    """Replicas that can take calls."""
    target: int
    """Replicas that Serve shall run."""
    least: int
    most: int
    """Bounds of the configuration."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The GPUs of a cluster at one moment."""

    gpus: float
    """Of all nodes on which a replica can be placed."""
    free: tuple[float, ...]
    """GPUs of each of these nodes that no replica holds."""
    leaving: float = 0.0
    """GPUs that replicas hold on nodes that drain."""


class Planner:
    def __init__(self, limit: float, release_delay_s: float) -> None:
        """`limit`: GPUs that may be used, with those of machines that an autoscaler adds. `release_delay_s`: how long a stage
        keeps replicas that it does not need."""
        self._limit = limit
        self._release_delay_s = release_delay_s
        self._surplus_since: dict[str, float] = {}
        self._absent_since: float | None = None
        self._stopped_at = -math.inf

    def decide(self, now: float, stages: Mapping[str, Stage], pool: Pool, oldest_job_s: float = 0.0) -> dict[str, int]:
        """The number of replicas of each stage. `now` is in seconds and never goes back."""
        absent = [name for name, stage in stages.items() if stage.running == 0 and stage.target > 0]
        if absent:
            return self._bring_back(now, absent, stages, pool)
        self._absent_since = None
        counts = self._grow({name: stage.target for name, stage in stages.items()}, stages, pool, oldest_job_s)
        return self._release(now, counts, self._grow(dict.fromkeys(stages, 0), stages, pool, oldest_job_s))

    def _grow(self, counts: Mapping[str, int], stages: Mapping[str, Stage], pool: Pool, oldest_job_s: float) -> dict[str, int]:
        within = {name: min(max(count, stages[name].least), stages[name].most) for name, count in counts.items()}
        there = grow(within, stages, min(pool.gpus, self._limit), WORK_ON_FREE_GPUS_S)
        overdue = oldest_job_s > OVERDUE_S
        return grow(there, stages, self._limit, WORK_ON_FREE_GPUS_S if overdue else WORK_ON_NEW_GPUS_S)

    def _release(self, now: float, counts: dict[str, int], needed: Mapping[str, int]) -> dict[str, int]:
        """Take away what has not been needed for a while: soon where another stage needs it."""
        wanted = any(needed[name] > count for name, count in counts.items())
        delay = min(SHARE_DELAY_S, self._release_delay_s) if wanted else self._release_delay_s
        for name, count in counts.items():
            if needed[name] >= count:
                self._surplus_since.pop(name, None)
            elif now - self._surplus_since.setdefault(name, now) >= delay:
                counts[name] = needed[name]
                del self._surplus_since[name]
        return counts

    def _bring_back(self, now: float, absent: list[str], stages: Mapping[str, Stage], pool: Pool) -> dict[str, int]:
        """Start nothing else before every stage has a replica; where there is no place for one, make it."""
        counts = {name: min(max(stage.target, stage.least), stage.most) for name, stage in stages.items()}
        if self._absent_since is None:
            self._absent_since = now
        patience = PLACE_S if _is_room(absent, stages, pool) else SETTLE_S
        if now - self._absent_since < patience or _is_starting(absent, stages, pool):
            return counts
        # Replicas that wait for a GPU might get the place that becomes free.
        for name, stage in stages.items():
            counts[name] = min(max(stage.running, stage.least, 1), counts[name])
        if now - self._stopped_at >= STOP_S and (donor := _donor(absent, stages)) is not None:
            counts[donor] = stages[donor].running - 1
            self._stopped_at = now
        return counts


def grow(counts: Mapping[str, int], stages: Mapping[str, Stage], gpus: float, work_s: float) -> dict[str, int]:
    """Add replicas while they fit on `gpus`: each to the stage with the most work for a replica, down to `work_s`.

    So the shares of the GPUs that stages have are those of the work that waits for them.
    """
    counts = dict(counts)
    used = sum(stages[name].gpus * count for name, count in counts.items())

    def waiting(name: str) -> float:
        return stages[name].work_s / counts[name] if counts[name] else math.inf

    while True:
        may_grow = [
            name
            for name, stage in stages.items()
            if stage.work_s > 0
            and counts[name] < stage.most
            and waiting(name) > work_s
            and used + stage.gpus <= gpus + TOLERANCE
        ]
        if not may_grow:
            return counts
        name = max(may_grow, key=waiting)
        counts[name] += 1
        used += stages[name].gpus


def _is_starting(absent: list[str], stages: Mapping[str, Stage], pool: Pool) -> bool:
    """Whether replicas that start, or that stop, hold as much of the GPUs as the absent stages need."""
    held = pool.gpus - sum(pool.free) + pool.leaving
    starting = held - sum(stage.gpus * stage.running for stage in stages.values())
    return starting + TOLERANCE >= sum(stages[name].gpus for name in absent)


def _is_room(absent: list[str], stages: Mapping[str, Stage], pool: Pool) -> bool:
    """Whether a node has as much free GPU as a replica takes, for each absent stage."""
    return all(any(free + TOLERANCE >= stages[name].gpus for free in pool.free) for name in absent)


def _donor(absent: list[str], stages: Mapping[str, Stage]) -> str | None:
    """The stage that gives up a replica: one whose place is large enough, of those the one with the least work for each that
    remains. None where no stage has a replica to spare."""
    spare = [name for name, stage in stages.items() if stage.running > max(stage.least, 1)]
    size = max(stages[name].gpus for name in absent)

    def rank(name: str) -> tuple[bool, float]:
        stage = stages[name]
        return stage.gpus + TOLERANCE < size, stage.work_s / (stage.running - 1)

    return min(spare, key=rank, default=None)
