"""The graph on a real Ray with two replicas of the ingress: metrics, logs, models that scale to zero, agents, and routing.

The tests read what `cluster_driver` found while `serve run` ran.
"""

import json
import re
from collections import Counter
from typing import Any

import pytest

from deployments import job_metrics, metrics
from deployments.stages.diarizer import Diarizer
from deployments.stages.embedder import SpeakerEmbedder
from deployments.stages.emotion import EmotionRecognizer
from deployments.stages.text_embedder import TextEmbedder
from deployments.stages.transcriber import Transcriber
from tests.ray.conftest import ServeRun
from tests.support.monitoring import expressions, names

pytestmark = pytest.mark.ray

AGENTS = re.compile(r"POST /(mcp)? ")
"""Serve's log entry of a request to an application that is mounted beside the routes."""


@pytest.fixture
def run(serve_run: ServeRun) -> dict[str, Any]:
    """What was found while two recordings were processed with a pause between them."""
    return serve_run.found


def samples(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """The labels and value of each series of a metric, in Prometheus' text format."""
    lines = re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)
    return [(dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)) for labels, value in lines]


def test_the_audio_that_each_stage_heard_is_counted(run: dict[str, Any]) -> None:
    heard = {(labels["deployment"], labels["call"]): v for labels, v in samples(run["metrics"], "ray_" + metrics.AUDIO)}
    assert heard["Transcriber", "find_speech"] == pytest.approx(30.0)
    assert heard["Diarizer", "observe"] == pytest.approx(30.0)
    assert 10 < heard["Transcriber", "transcribe"] <= 30
    assert heard["SpeakerEmbedder", "embed_each"] > 10
    assert heard["EmotionRecognizer", "recognize"] > 10


def test_models_tell_how_long_they_took_and_how_long_was_waited_for_them(run: dict[str, Any]) -> None:
    audio = {(s["deployment"], s["call"]): v for s, v in samples(run["metrics"], "ray_" + metrics.AUDIO)}
    took = {(s["deployment"], s["call"]): v for s, v in samples(run["metrics"], f"ray_{metrics.INFERENCE}_sum")}
    waited = {(s["deployment"], s["call"]): v for s, v in samples(run["metrics"], f"ray_{metrics.WAIT}_sum")}
    assert took.keys() == waited.keys()
    of_texts = ("TextEmbedder", "embed_passages")  # after the recordings
    assert took.keys() - {of_texts} == audio.keys() | {("Diarizer", "cluster")}
    assert took["Transcriber", "transcribe"] > 0.01 * audio["Transcriber", "transcribe"]
    # Ray exports a sum of bucket midpoints, which is at most twice the true sum.
    assert took["Transcriber", "transcribe"] / 2 < run["first_s"]
    assert sum(v for s, v in samples(run["metrics"], f"ray_{metrics.FACTOR}_count") if s["call"] == "observe") == 1


def test_the_dashboard_and_the_alerts_ask_for_what_is_there(run: dict[str, Any]) -> None:
    """Without the metrics of GPUs, which tests/unit/test_alerts.py compares with Ray's list."""
    asked = {name for name in names(expressions()) if not name.startswith(("ray_node_gpu", "ray_node_gram"))}
    assert asked - names(run["metric_names"]) == set()
    ours = (metrics.AUDIO, metrics.FAILURES, job_metrics.QUEUED, job_metrics.OLDEST, job_metrics.JOBS, job_metrics.ATTEMPTS)
    assert {f"ray_{name}" for name in ours} < asked


def test_failures_are_counted_from_zero(run: dict[str, Any]) -> None:
    """`rate` sees the first failure of a series that exists before it."""
    found = samples(run["metrics"], "ray_" + metrics.FAILURES)
    stages = (Transcriber, Diarizer, SpeakerEmbedder, EmotionRecognizer, TextEmbedder)
    expected = {(stage.__name__, call, why) for stage in stages for call in stage.CALLS for why in metrics.REASONS}
    assert {(labels["deployment"], labels["call"], labels["reason"]) for labels, _ in found} == expected
    assert {value for _, value in found} == {0.0}


def test_jobs_are_counted(run: dict[str, Any]) -> None:
    ended = Counter[str]()
    for labels, value in samples(run["metrics"], "ray_" + job_metrics.JOBS):
        ended[labels["state"]] += int(value)
    assert ended == {"queued": 1, "completed": 1, "failed": 0, "cancelled": 0}
    attempts = Counter[str]()
    for labels, value in samples(run["metrics"], "ray_" + job_metrics.ATTEMPTS):
        attempts[labels["attempt"]] += int(value)
    assert attempts == {"1": 1, "2": 0, "3": 0}
    for gauge in (job_metrics.QUEUED, job_metrics.OLDEST):
        assert {value for _, value in samples(run["metrics"], "ray_" + gauge)} == {0.0}


def test_idle_models_are_let_go_and_come_back(run: dict[str, Any]) -> None:
    assert set(run["idle"].values()) == {0}
    assert len(run["second"][1]) == len(run["first"][1]) > 0


def test_a_recording_wakes_all_models_at_once(run: dict[str, Any]) -> None:
    """Before the first call of any replica, not each replica at its first call."""
    assert (run["woken"]["status"], run["woken"]["progress"]) == ("processing", 0.0)


def test_who_asks_what_the_stages_run_wakes_none_of_them(run: dict[str, Any]) -> None:
    assert run["statuses"]
    assert set(run["still_idle"].values()) == {0}


def test_the_clients_request_id_is_in_the_answer_and_in_the_logs(run: dict[str, Any]) -> None:
    assert run["first"][0] == "first-recording"
    records = [json.loads(line) for name, lines in run["logs"].items() if "Ingress" in name for line in lines]
    mine = [record for record in records if record.get("request_id") == "first-recording"]
    assert any("/api/v1/process" in record["message"] for record in mine)
    assert {record["deployment"] for record in mine} == {"vivavoce_Ingress"}


def test_what_an_agent_says_is_known_by_every_replica_and_in_the_next_recording(run: dict[str, Any]) -> None:
    before, updated, reads = run["agent"]
    named = ["Nick" if name == before else name for name in run["first"][1]]
    assert updated == named.count("Nick") > 1
    assert reads == [named] * 20
    assert run["second"][1] == named


def test_an_agents_requests_go_to_either_replica(run: dict[str, Any]) -> None:
    logs = {name: [json.loads(line)["message"] for line in lines] for name, lines in run["logs"].items() if "Ingress" in name}
    answered = {name: sum(bool(AGENTS.match(message)) for message in messages) for name, messages in logs.items()}
    assert len([count for count in answered.values() if count]) == 2, logs


def test_a_burst_of_calls_is_shared_evenly(run: dict[str, Any]) -> None:
    """After one call, which makes its replica the only one that Serve knows the load of."""
    assert run["calls_of_replicas"] == [2, 2, 2, 2]
