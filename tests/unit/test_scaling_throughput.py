"""A backlog of recordings with the planner, simulated: is it finished as fast as with all replicas from the start?

Only models take time here, and replicas take time to start. `benchmarks.reliability.backlog` runs the real graph.
"""

import math
from dataclasses import dataclass, field

import pytest

from deployments.scaling.bounds import Share, upper_bounds
from deployments.scaling.replicas import Planner, Pool, Stage

GPUS = 4
SHARES = {
    "transcriber": Share(0.4, 0.008),
    "diarizer": Share(0.25, 0.017),
    "embedder": Share(0.1, 0.0025),
    "emotion": Share(0.25, 0.005),
}
FIRST, LAST = ("transcriber", "diarizer"), ("embedder", "emotion")
"""Stages that work on a recording at the same time; the last ones begin when the first have ended."""
REPORT_S, STEP_S = 2.0, 0.1
AT_ONCE = 32
"""Recordings of a worker."""
BOUNDS = upper_bounds(GPUS, SHARES)


@dataclass
class SimulatedStage:
    running: int
    target: int
    queue: list[int] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)
    """When each call in work ends, and its recording."""
    starts: list[float] = field(default_factory=list)
    """When the replicas that load will be ready."""

    def step(self, now: float, takes_s: float) -> list[int]:
        """Go on to the time `now`; the recordings that are done."""
        self.running += sum(ready <= now for ready in self.starts)
        self.starts = [ready for ready in self.starts if ready > now]
        done = [recording for end, recording in self.ends if end <= now]
        self.ends = [call for call in self.ends if call[0] > now]
        while self.queue and len(self.ends) < self.running:
            self.ends.append((now + takes_s, self.queue.pop(0)))
        return done


def seconds(recordings: int, duration_s: float, load_s: float, *, by_hand: bool) -> float:
    """How long the recordings take, all of them queued at once; with all replicas from the start, if `by_hand`."""
    planner = Planner(GPUS, 300.0)
    stages = {name: SimulatedStage(count, count) for name, count in (BOUNDS if by_hand else dict.fromkeys(SHARES, 1)).items()}
    workers, waiting = (GPUS if by_hand else 1), dict.fromkeys(range(recordings), 0)
    queued, working, ended = list(range(recordings)), 0, 0
    for step in range(round(3600 / STEP_S)):
        now = step * STEP_S
        if ended == recordings:
            return now
        while queued and working < AT_ONCE * workers:
            working += 1
            for name in FIRST:
                stages[name].queue.append(queued[0])
            waiting[queued.pop(0)] = len(FIRST) + len(LAST)
        for name, stage in stages.items():
            for recording in stage.step(now, duration_s * SHARES[name].work):
                waiting[recording] -= 1
                if waiting[recording] == len(LAST):
                    for last in LAST:
                        stages[last].queue.append(recording)
                elif waiting[recording] == 0:
                    working, ended = working - 1, ended + 1
        if step % round(REPORT_S / STEP_S) == 0 and not by_hand:
            audio_s = (recordings - ended) * duration_s
            workers = min(GPUS, math.ceil((recordings - ended) / AT_ONCE))
            for name, count in planner.decide(now, state(stages, audio_s), pool(stages)).items():
                stages[name].starts += [now + load_s] * (count - stages[name].target)
                stages[name].target = count
    raise AssertionError("It does not end within an hour.")


def state(stages: dict[str, SimulatedStage], audio_s: float) -> dict[str, Stage]:
    return {
        name: Stage(SHARES[name].gpus, audio_s * SHARES[name].work, stage.running, stage.target, 1, BOUNDS[name])
        for name, stage in stages.items()
    }


def pool(stages: dict[str, SimulatedStage]) -> Pool:
    return Pool(GPUS, (GPUS - sum(SHARES[name].gpus * stage.target for name, stage in stages.items()),))


@pytest.mark.parametrize(("recordings", "duration_s", "load_s"), [(300, 120.0, 10.0), (1000, 60.0, 20.0), (300, 600.0, 60.0)])
def test_a_backlog_takes_hardly_longer_than_with_all_replicas_from_the_start(
    recordings: int, duration_s: float, load_s: float
) -> None:
    by_hand = seconds(recordings, duration_s, load_s, by_hand=True)
    assert by_hand / seconds(recordings, duration_s, load_s, by_hand=False) >= 0.85
