"""Serve's autoscaling policy of the whole application, for the configuration file of a cluster.

Serve's controller makes one instance and calls it several times a second. It reads what replicas report by
`record_autoscaling_stats`: workers the jobs in PostgreSQL, stages what waits for their models. Serve needs no database.
"""

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import ray
from ray.serve._private.common import DeploymentID
from ray.serve.config import AutoscalingContext

from deployments.scaling.replicas import Planner, Pool, Stage
from deployments.scaling.reports import BUSY, HEARD_AUDIO, OLDEST_JOB, OPEN_AUDIO, WAITING_AUDIO, WORKERS

Contexts = Mapping[DeploymentID, AutoscalingContext]

logger = logging.getLogger("ray.serve")

INTERVAL_S = 1.0
"""Between two decisions. Replicas report every two seconds."""
MEASURED_AUDIO_S = 600.0
"""Of each stage, after which the measured speeds are taken instead of the configured ones."""


class ClusterPolicy:
    def __init__(self, gpus: float, release_delay_s: float, stages: Mapping[str, Mapping[str, float]]) -> None:
        """`stages`: `gpus` and `work` of each stage, by the name of its deployment (`deployments.scaling.bounds.Share`)."""
        self._planner = Planner(gpus, release_delay_s)
        self._stages = stages
        self._decided_at = -INTERVAL_S
        self._decisions: dict[str, float] = {}
        self._workers, self._open_audio_s, self._oldest_job_s = 1.0, 0.0, 0.0

    def __call__(self, contexts: Contexts) -> tuple[dict[DeploymentID, float], dict[DeploymentID, dict[str, Any]]]:
        """The number of replicas of each deployment; Serve applies its bounds and delays to them."""
        now = time.monotonic()
        if now - self._decided_at >= INTERVAL_S or self._decisions.keys() != {id_.name for id_ in contexts}:
            self._decided_at = now
            try:
                self._decisions = self._decide(now, {id_.name: context for id_, context in contexts.items()})
            except Exception:  # Serve would not update the application at all
                logger.exception("The policy failed; the numbers of replicas stay as they are")
                self._decisions = {id_.name: context.target_num_replicas for id_, context in contexts.items()}
        return {id_: self._decisions[id_.name] for id_ in contexts}, {}

    def _decide(self, now: float, contexts: Mapping[str, AutoscalingContext]) -> dict[str, float]:
        self._read_jobs(contexts.values())
        speeds = self._speeds(contexts)
        stages = {name: self._stage(name, contexts[name], speed) for name, speed in speeds.items()}
        replicas = self._planner.decide(now, stages, pool(), self._oldest_job_s)
        decisions = {name: float(count) for name, count in replicas.items()}
        for name, context in contexts.items():
            if name == "Worker":
                decisions[name] = self._workers
            elif name not in decisions:
                decisions[name] = for_calls(context)
        return decisions

    def _read_jobs(self, contexts: Iterable[AutoscalingContext]) -> None:
        """The jobs as the last report had them; those of the last decision where no worker is alive."""
        for context in contexts:
            self._workers = _newest(context, WORKERS, self._workers)
            self._open_audio_s = _newest(context, OPEN_AUDIO, self._open_audio_s)
            self._oldest_job_s = _newest(context, OLDEST_JOB, self._oldest_job_s)

    def _speeds(self, contexts: Mapping[str, AutoscalingContext]) -> dict[str, float]:
        """Seconds of work for a second of audio: all as measured, or all as configured, as the two may differ much."""
        heard = {name: _sum(contexts[name], HEARD_AUDIO) for name in self._stages if name in contexts}
        if all(audio >= MEASURED_AUDIO_S for audio in heard.values()):
            return {name: _sum(contexts[name], BUSY) / audio for name, audio in heard.items()}
        return {name: self._stages[name]["work"] for name in heard}

    def _stage(self, name: str, context: AutoscalingContext, speed: float) -> Stage:
        # Jobs in work are in both figures: the calls that they have made so far, and all that they still need.
        audio = max(self._open_audio_s, _sum(context, WAITING_AUDIO))
        return Stage(
            gpus=self._stages[name]["gpus"],
            work_s=audio * speed,
            running=context.current_num_replicas,
            target=context.target_num_replicas,
            least=context.capacity_adjusted_min_replicas,
            most=context.capacity_adjusted_max_replicas,
        )


def pool() -> Pool:
    """The GPUs of the cluster. Three calls to Ray's control store, on the same machine as Serve's controller."""
    state = ray._private.state
    gpus = {node["NodeID"]: node["Resources"].get("GPU", 0.0) for node in ray.nodes() if node["Alive"]}
    free = {node: resources.get("GPU", 0.0) for node, resources in state.available_resources_per_node().items()}
    return pool_of(gpus, free, set(state.state.get_draining_nodes()))


def pool_of(gpus: Mapping[str, float], free: Mapping[str, float], draining: Collection[str]) -> Pool:
    """By node. Ray places nothing on a node that drains; its replicas keep what they hold until they have ended."""
    staying = {node: count for node, count in gpus.items() if node not in draining}
    leaving = sum(count - free.get(node, 0.0) for node, count in gpus.items() if node in draining)
    return Pool(sum(staying.values()), tuple(free.get(node, 0.0) for node in staying), leaving)


def for_calls(context: AutoscalingContext) -> float:
    """What Serve's own policy says: calls at a time, by the target of a replica."""
    if context.current_num_replicas == 0:
        return context.target_num_replicas
    target: float = context.config.get_target_ongoing_requests()  # type: ignore[union-attr]  # Serve always gives one
    return float(context.total_num_requests) / target


def _newest(context: AutoscalingContext, metric: str, otherwise: float) -> float:
    series = (context.raw_metrics or {}).get(metric, {}).values()
    last = max((values[-1] for values in series if values), key=lambda value: value.timestamp, default=None)
    return otherwise if last is None else float(last.value)


def _sum(context: AutoscalingContext, metric: str) -> float:
    series = (context.raw_metrics or {}).get(metric, {}).values()
    return float(sum(values[-1].value for values in series if values))
