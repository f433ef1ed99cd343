"""The policy as Serve's controller calls it, with what replicas have reported."""

from typing import Any

import pytest
from ray.serve._private.common import DeploymentID, ReplicaID, TimeStampedValue
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from deployments.config import load_config
from deployments.scaling import policy
from deployments.scaling.policy import ClusterPolicy
from deployments.scaling.replicas import Pool
from deployments.scaling.reports import BUSY, HEARD_AUDIO, OLDEST_JOB, OPEN_AUDIO, WAITING_AUDIO, WORKERS

Reports = dict[str, list[float]]
"""The last values of each replica, by metric."""
IDLE: Reports = {WAITING_AUDIO: [0.0], HEARD_AUDIO: [0.0], BUSY: [0.0]}
STAGES = ("Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its only element. The cluster has four GPUs."""
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr(policy, "pool", lambda: Pool(4.0, (0.0, 0.0, 0.0, 0.0)))
    return clock


def test_a_node_that_drains_is_no_room_but_its_replicas_hold_what_they_have() -> None:
    gpus = {"head": 0.0, "stays": 1.0, "leaves": 1.0}
    free = {"head": 0.0, "stays": 0.25, "leaves": 0.6}
    assert policy.pool_of(gpus, free, ()) == Pool(2.0, (0.0, 0.25, 0.6))
    assert policy.pool_of(gpus, free, ("leaves",)) == Pool(1.0, (0.0, 0.25), 0.4)


def make_policy() -> ClusterPolicy:
    (application,) = load_config("cluster", 4)["applications"]
    return ClusterPolicy(**application["autoscaling_policy"]["policy_kwargs"])


def context(name: str, reports: Reports, calls: float = 0.0, replicas: int = 1) -> AutoscalingContext:
    deployment = DeploymentID(name, "vivavoce")
    ids = [ReplicaID(str(number), deployment) for number in range(max(replicas, *map(len, reports.values()), 0))]

    def series(values: list[float]) -> dict[ReplicaID, list[TimeStampedValue]]:
        # A later report of each replica counts.
        return {
            id_: [TimeStampedValue(1.0, 1e9), TimeStampedValue(2.0 + i, value)]
            for i, (id_, value) in enumerate(zip(ids, values, strict=False))
        }

    return AutoscalingContext(
        deployment_id=deployment,
        deployment_name=name,
        app_name="vivavoce",
        current_num_replicas=replicas,
        target_num_replicas=replicas,
        running_replicas=ids,
        total_num_requests=calls,
        total_queued_requests=0.0,
        aggregated_metrics=None,
        raw_metrics={metric: series(values) for metric, values in reports.items()},
        capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=8,
        policy_state={},
        last_scale_up_time=None,
        last_scale_down_time=None,
        current_time=None,
        config=AutoscalingConfig(min_replicas=1, max_replicas=8, target_ongoing_requests=50),
    )


def decide(asked: ClusterPolicy, worker: Reports, stage: Reports = IDLE, **reports: Reports) -> dict[str, Any]:
    found = [context(name, reports.get(name, stage)) for name in STAGES]
    found += [context("Worker", worker), context("Ingress", {WORKERS: []}, calls=120.0)]
    decisions, _ = asked({each.deployment_id: each for each in found})
    return {id_.name: count for id_, count in decisions.items()}


def test_workers_follow_the_jobs_and_the_ingress_its_calls(now: list[float]) -> None:
    decisions = decide(make_policy(), {WORKERS: [7.0], OPEN_AUDIO: [0.0], OLDEST_JOB: [0.0]})
    assert decisions["Worker"] == 7
    assert decisions["Ingress"] == pytest.approx(2.4)
    assert [decisions[stage] for stage in STAGES] == [1, 1, 1, 1]


def test_queued_audio_starts_replicas_before_any_stage_is_called(now: list[float]) -> None:
    decisions = decide(make_policy(), {WORKERS: [7.0], OPEN_AUDIO: [9000.0], OLDEST_JOB: [0.0]})
    assert decisions["Diarizer"] > decisions["Transcriber"] > decisions["EmotionRecognizer"] > 1


def test_calls_without_jobs_start_replicas_too(now: list[float]) -> None:
    """Live conversations call the stages directly."""
    busy = {WAITING_AUDIO: [4000.0], HEARD_AUDIO: [0.0], BUSY: [0.0]}
    decisions = decide(make_policy(), {WORKERS: [1.0], OPEN_AUDIO: [0.0], OLDEST_JOB: [0.0]}, Transcriber=busy)
    assert decisions["Transcriber"] > 1
    assert decisions["Diarizer"] == 1


def test_stages_that_have_measured_themselves_count_with_their_own_speed(now: list[float]) -> None:
    worker = {WORKERS: [7.0], OPEN_AUDIO: [9000.0], OLDEST_JOB: [0.0]}
    slow = {WAITING_AUDIO: [0.0, 0.0], HEARD_AUDIO: [500.0, 500.0], BUSY: [50.0, 50.0]}
    fast = slow | {BUSY: [1.0, 1.0]}
    decisions = decide(make_policy(), worker, fast, EmotionRecognizer=slow)
    assert decisions["EmotionRecognizer"] == 8
    assert decisions["Diarizer"] == decisions["Transcriber"] == 2
    before = decide(make_policy(), worker, IDLE, EmotionRecognizer=slow)  # the others have not been measured
    assert before["EmotionRecognizer"] < before["Diarizer"]


def test_the_jobs_are_remembered_while_no_worker_reports(now: list[float]) -> None:
    asked = make_policy()
    before = decide(asked, {WORKERS: [7.0], OPEN_AUDIO: [9000.0], OLDEST_JOB: [0.0]})
    now[0] = 10.0
    assert decide(asked, {WORKERS: []}) == before


def test_serve_may_ask_more_often_than_something_changes(now: list[float]) -> None:
    asked = make_policy()
    decide(asked, {WORKERS: [7.0], OPEN_AUDIO: [0.0], OLDEST_JOB: [0.0]})
    assert decide(asked, {WORKERS: [9.0], OPEN_AUDIO: [0.0], OLDEST_JOB: [0.0]})["Worker"] == 7
    now[0] = policy.INTERVAL_S
    assert decide(asked, {WORKERS: [9.0], OPEN_AUDIO: [0.0], OLDEST_JOB: [0.0]})["Worker"] == 9


def test_an_error_leaves_the_replicas_as_they_are(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Pool:
        raise ConnectionError("the control store is away")

    monkeypatch.setattr(policy, "pool", away)
    decisions = decide(make_policy(), {WORKERS: [7.0], OPEN_AUDIO: [9000.0], OLDEST_JOB: [0.0]})
    assert set(decisions.values()) == {1}
