"""A backlog on a cluster with several GPUs: is it finished as fast as the GPUs allow, and exactly once?

python -m benchmarks.reliability.backlog [--gpus 4] [--slower 3] [--recordings 300] [--only SCENARIO ...]

Each node of the cluster is a raylet on this machine that declares a GPU; models sleep for the time that a GPU takes. The
rest is real: the configuration for a cluster, `serve deploy`, ingress, routing, jobs, PostgreSQL over TCP and an S3 store. Each
scenario has a cluster of its own, which starts with the smallest number of replicas:

    backlog   short recordings, sent without waiting for their transcripts
    by hand   the same, with as many replicas from the start as the backlog came to have
    long      ten long recordings
    mixed     the long ones, then the short ones
    kill      the backlog; a node with an emotion recognizer is killed with SIGKILL, another one takes its place later
    stop      the same with SIGTERM, as when a pod is deleted
    deploy    the backlog; meanwhile `serve deploy` changes a setting, so that all replicas are replaced

In the end all jobs must be completed, with each word of their recordings once. A pause is a time in which no job ended.
"""

import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness.application import open_directory
from benchmarks.harness.command import run
from deployments.config import load_config
from tests.support.cluster import backlog, sleeping
from tests.support.cluster.backlog import Job
from tests.support.cluster.deployed import OTHERS, STAGES, Config, Deployed, deployed
from vivavoce.printing import table

SHORT_S, LONG_S = 30.0, 15 * 60.0
"""Length of a short recording, and of a long one."""
LONG = 10
LOAD_S = 8.0
"""For a model to load; full-size ones take longer, but also work longer than this backlog lasts."""
DISTURBED_AFTER = 0.25
"""Fraction of the backlog that has ended when a node is killed, or a change deployed; but not before all of it is sent, as a
request that is under way may be refused."""
REPLACED_AFTER_S = 20.0
"""Time from the end of a node to the start of another one."""
TIMEOUT_S = 900.0
"""For the next job to end: a node that starts, and loads its models, takes minutes on a busy machine."""
MIDDLE = (0.1, 0.9)
"""Fractions of the backlog between which the sustained rate is measured."""
HEAD = (
    "scenario",
    "recordings",
    "took",
    "a second",
    "sustained",
    "ideal",
    "GPUs taken",
    "at work",
    "longest pause",
    "most replicas T D E M I W",
    "attempts 1, 2, 3",
    "faults",
)


@dataclass
class Seen:
    """What was observed while a backlog was worked on."""

    counts: list[Counter[str]] = field(default_factory=list)
    """Running replicas by stage, about every second."""
    jobs: list[Job] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: Callable[[int], None] = lambda _count: None
    """Called with the number of jobs that have ended."""

    def most(self) -> Counter[str]:
        """The most replicas of each stage at a time."""
        found: Counter[str] = Counter()
        for count in self.counts:
            found |= count
        return found


class Disturbance:
    """Something that happens once, when enough jobs have ended."""

    def __init__(self, cluster: Deployed, total: int, act: Callable[[Deployed], None]) -> None:
        self._cluster, self._at, self._act = cluster, DISTURBED_AFTER * total, act
        self._pool = ThreadPoolExecutor(1)
        self._done = False

    def __call__(self, ended: int, *, sent: bool) -> None:
        if sent and ended >= self._at and not self._done:
            self._done = True
            self.result = self._pool.submit(self._act, self._cluster)


def lose_node(signum: signal.Signals) -> Callable[[Deployed], None]:
    def act(cluster: Deployed) -> None:
        victim = next(replica for replica in cluster.replicas() if replica.stage == "emotion")
        node = cluster.raylets.node_of(victim.pid)
        start = time.monotonic()
        cluster.raylets.end(node, signum)
        say(f"a node ended by {signum.name} within {time.monotonic() - start:.1f} s")
        time.sleep(REPLACED_AFTER_S)
        cluster.raylets.add()
        say("another node joins")

    return act


def redeploy(cluster: Deployed) -> None:
    cluster.args["settings"]["context_padding"] = 0.2
    old = cluster.replicas()
    start = time.monotonic()
    cluster.deploy()
    cluster.await_ready(none_of=old)
    say(f"`serve deploy` replaced all replicas within {time.monotonic() - start:.1f} s")


DISTURBANCES: dict[str, Callable[[Deployed], None]] = {
    "kill": lose_node(signal.SIGKILL),
    "stop": lose_node(signal.SIGTERM),
    "deploy": redeploy,
}
SCENARIOS = ("backlog", "by hand", "long", "mixed", *DISTURBANCES)


def lengths(scenario: str, recordings: int) -> list[float]:
    long, short = [LONG_S] * LONG, [SHORT_S] * recordings
    return {"long": long, "mixed": long + short}.get(scenario, short)


def observe(cluster: Deployed, scenario: str, paths: Sequence[Path]) -> Seen:
    """Work off the backlog."""
    seen = Seen()
    disturb = Disturbance(cluster, len(paths), DISTURBANCES[scenario]) if scenario in DISTURBANCES else None

    with ThreadPoolExecutor(1) as sender:
        sent = sender.submit(backlog.send, cluster, paths)

        def look(ended: int) -> None:
            seen.counts.append(cluster.counts())
            if disturb is not None:
                disturb(ended, sent=sent.done())
            if not len(seen.counts) % 10:
                say(f"{ended} of {len(paths)} ended; {replicas(seen.counts[-1])} replicas")

        backlog.watch(cluster, len(paths), TIMEOUT_S, look)
    if disturb is not None:
        disturb.result.result()
    seen.jobs = backlog.stored(cluster)
    seen.faults = backlog.faults(seen.jobs, sent.result())
    return seen


def configuration(gpus: int, hand: Counter[str] | None) -> Config:
    """The configuration for a cluster with so many GPUs; with the replicas of `hand` from the start, if given."""
    config = load_config("cluster", gpus)
    args = config["applications"][0]["args"]
    for stage, count in (hand or {}).items():
        args[stage] |= {"min_replicas": count, "max_replicas": count}
    args["settings"] |= {"filter_hallucinations": False}
    return config


def row(scenario: str, cluster: Deployed, seen: Seen, slower: float, gpus: int) -> tuple[str, ...]:
    """What the table says of a scenario."""
    finished = sorted(job.finished for job in seen.jobs if job.finished is not None)
    start = min(job.created for job in seen.jobs)
    took = finished[-1] - start
    low, high = (int(fraction * (len(finished) - 1)) for fraction in MIDDLE)
    sustained = (high - low) / (finished[high] - finished[low])
    ideal = sum(sleeping.gpu_seconds(job.duration, cluster.gpus) for job in seen.jobs) * slower / gpus
    pause = max(after - before for before, after in pairwise([start, *finished]))
    taken = [cluster.allocated(count) for count in seen.counts]
    attempts = Counter(job.attempts for job in seen.jobs)
    return (
        scenario,
        str(len(seen.jobs)),
        f"{took:.0f} s",
        f"{len(finished) / took:.2f}",
        f"{sustained:.2f}",
        f"{len(finished) / ideal:.2f}",
        f"{sum(taken) / len(taken):.2f}, at most {max(taken):.2f}",
        f"{at_work(cluster.calls, cluster.gpus, start, finished[-1]) / took:.2f}",
        f"{pause:.0f} s",
        replicas(seen.most()),
        ", ".join(str(attempts[n]) for n in (1, 2, 3)),
        str(len(seen.faults)),
    )


def at_work(calls: Path, gpus: dict[str, float], start: float, end: float) -> float:
    """GPU seconds in which a model worked, each with the fraction of its stage."""
    total = 0.0
    for file in calls.iterdir():
        for line in file.read_text().splitlines():
            began, ended = map(float, line.split())
            total += gpus[file.name.split("-")[0]] * max(0.0, min(ended, end) - max(began, start))
    return total


def replicas(counts: Counter[str]) -> str:
    return " ".join(str(counts[stage]) for stage in (*STAGES, *OTHERS))


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def main(
    only: Annotated[list[str] | None, typer.Option(help="Scenarios; all if not given.")] = None,
    gpus: Annotated[int, typer.Option(help="Nodes with one GPU each.")] = 4,
    slower: Annotated[float, typer.Option(help="Factor for the models' time: the CPUs are too few for faster ones.")] = 3.0,
    recordings: Annotated[int, typer.Option(help="Short recordings.")] = 300,
    hand: Annotated[str, typer.Option(help="Replicas that are started by hand, such as '4 7 1 2 2 4': T D E M I W.")] = "",
) -> None:
    if unknown := set(only or ()) - set(SCENARIOS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose of {', '.join(SCENARIOS)}.", param_hint="--only")
    by_hand = Counter(dict(zip((*STAGES, *OTHERS), map(int, hand.split()), strict=True))) if hand else None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the S3 store logs each request
    rows, wrong = [], []
    for scenario in only or SCENARIOS:
        if scenario == "by hand" and by_hand is None:
            raise typer.BadParameter("Run `backlog` before `by hand`, or give the number of replicas.", param_hint="--hand")
        config = configuration(gpus, by_hand if scenario == "by hand" else None)
        with open_directory() as directory:
            paths = backlog.write(directory, lengths(scenario, recordings))
            with deployed(directory, config, gpus, slower, LOAD_S) as cluster:
                say(f"{scenario}: {len(paths)} recordings")
                seen = observe(cluster, scenario, paths)
                rows.append(row(scenario, cluster, seen, slower, gpus))
        if scenario == "backlog":
            by_hand = by_hand or seen.most()
        wrong += [f"{scenario}: {fault}" for fault in seen.faults]
        say(" | ".join(rows[-1]))
    print(f"{gpus} GPUs. T, D, E, M: transcribers, diarizers, embedders, emotion recognizers; I: ingress, W: workers\n")
    print(table(HEAD, rows))
    for fault in wrong:
        print(fault)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    run(main)
