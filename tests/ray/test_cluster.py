"""The graph on a real Ray, with two replicas of the ingress: its metrics and logs, the release of idle models, an agent with
requests to either replica, and the choice of a stage's replica.

Recordings are processed in one cluster, in a process of its own; the tests check the results that it prints.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments import metrics
from tests.support.ports import free_ports
from tests.support.program import ROOT, Program

pytestmark = pytest.mark.ray

RUN = """
import asyncio, json, os, sys, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import httpx, ray
from mcp import Client
from ray import serve
import deployments.statuses
from deployments.app import AppArgs, build_app
from deployments.config import load_config
from deployments.routing import ROUTING
from deployments.stage_status import Statuses
from vivavoce.sample import recording

port, metrics_port, data = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
config = load_config("cpu")
# A pause that is longer than it takes until metrics are given out: they go with the models.
args = config["applications"][0]["args"] | {"settings": {"data_path": data}, "idle_seconds": 15}
args["ingress"] |= {"min_replicas": 2, "max_replicas": 2}
ray.init(address="local", num_cpus=4, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False,
         logging_level="ERROR", _metrics_export_port=metrics_port)
found = {}
try:
    logging_config = {"encoding": "JSON", "log_level": "INFO"}
    serve.start(proxy_location="HeadOnly", http_options={"port": port}, logging_config=logging_config)

    @serve.deployment(num_replicas=4, max_ongoing_requests=8, ray_actor_options={"num_cpus": 0}, request_router_config=ROUTING)
    class Sleeper:
        async def __call__(self):
            await asyncio.sleep(3)
            return os.getpid()

    async def burst(sleepers):
        return Counter(await asyncio.gather(*(sleepers.remote() for _ in range(8))))

    sleepers = serve.run(Sleeper.bind(), name="sleepers", route_prefix=None)
    sleepers.remote().result()
    time.sleep(1)  # until it is no longer counted
    found["shares"] = list(asyncio.run(burst(sleepers)).values())
    serve.delete("sleepers")

    serve.run(build_app(AppArgs(**args)), name="vivavoce", logging_config=logging_config)

    def process(request_id):
        with recording().open("rb") as file:
            answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/process", files={"audio_file": file}, timeout=300,
                                headers={"X-Request-ID": request_id})
        answer.raise_for_status()
        return answer.headers["X-Request-ID"], [segment["speaker_name"] for segment in answer.json()["segments"]]

    async def agent():
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            async def call(tool, **arguments):
                return (await client.call_tool(tool, arguments)).structured_content
            latest = await call("get_latest_segments")
            line = latest["segments"][0]
            said = await call("identify_speaker_in_segment", segment_id=line["id"], speaker_name="Nick")
            reads = [await call("get_conversation", conversation_id=latest["conversation_id"]) for _ in range(READS)]
            return line["speaker_name"], said["segments_updated"], [[s["speaker_name"] for s in r["segments"]] for r in reads]

    def models():
        deployments = serve.status().applications["vivavoce"].deployments
        return {name: sum(found.replica_states.values()) for name, found in deployments.items() if name in STAGES.values()}

    def until(done, patience=90):
        deadline = time.monotonic() + patience
        while not done() and time.monotonic() < deadline:
            time.sleep(0.5)

    def keep(name, text):
        found[name] = text
        return text

    def exported():
        return httpx.get(f"http://127.0.0.1:{metrics_port}/metrics").text

    READS = 20
    CALLS = "find_speech", "transcribe", "observe", "cluster", "embed_each", "recognize"
    AWAITED = *(f'call="{call}"' for call in CALLS), "ray_serve_num_http_requests_total"
    STAGES = dict(transcriber="Transcriber", diarizer="Diarizer", embedder="SpeakerEmbedder", emotion="EmotionRecognizer")
    statuses = Statuses({name: serve.get_deployment_handle(stage, "vivavoce") for name, stage in STAGES.items()})
    first = asyncio.run(statuses())
    found["first"] = process("first-recording")
    until(lambda: all(part in keep("metrics", exported()) for part in AWAITED))
    until(lambda: not any(models().values()))
    found["idle"] = models()
    deployments.statuses.STALE = 0.0  # asks, and waits
    found["statuses"] = asyncio.run(statuses()) == first
    found["still_idle"] = models()
    found["agent"] = asyncio.run(agent())
    with ThreadPoolExecutor() as pool:
        second = pool.submit(process, "second-recording")
        until(lambda: all(models().values()))
        newest = httpx.get(f"http://127.0.0.1:{port}/api/v1/conversations?limit=1").json()["conversations"][0]["id"]
        found["woken"] = httpx.get(f"http://127.0.0.1:{port}/api/v1/conversations/{newest}/progress").json()
        found["second"] = second.result()
    logs = Path(ray._private.worker._global_node.get_session_dir_path(), "logs", "serve")
    found["logs"] = {file.name: file.read_text().splitlines() for file in logs.glob("*.log")}
finally:
    serve.shutdown()
    ray.shutdown()
print("RESULT" + json.dumps(found))
"""

AGENTS = re.compile(r"POST /(mcp)? ")
"""Serve's log entry of a request to an application that is mounted beside the routes."""


@pytest.fixture(scope="module")
def run(open_directory: Path) -> Iterator[dict[str, Any]]:
    """The results of processing two recordings with a pause between them."""
    command = ["python", "-W", "ignore", "-c", RUN, *map(str, free_ports(2)), str(open_directory / "data")]
    with Program(command, open_directory) as program:
        assert program.process.wait(540) == 0, program.stderr[-3000:]
        yield json.loads(program.stdout.split("RESULT")[1])
        assert program.left() == []


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
    assert took.keys() == waited.keys() == audio.keys() | {("Diarizer", "cluster")}
    assert 0.01 < took["Transcriber", "transcribe"] / audio["Transcriber", "transcribe"] < 5
    assert sum(v for s, v in samples(run["metrics"], f"ray_{metrics.FACTOR}_count") if s["call"] == "observe") == 1


def test_the_dashboard_asks_for_what_is_there(run: dict[str, Any]) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "vivavoce.json").read_text())
    asked = {name for panel in dashboard["panels"] for t in panel["targets"] for name in re.findall(r"ray_\w+", t["expr"])}
    exported = set(re.findall(r"^(ray_\w+)\{", run["metrics"], re.MULTILINE))
    assert asked - exported == {"ray_" + metrics.FAILURES}  # nothing failed
    assert {f"ray_{name}" for name in (metrics.AUDIO, metrics.FAILURES)} < asked


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
    """After one call, Serve knows the load of the called replica only."""
    assert run["shares"] == [2, 2, 2, 2]
