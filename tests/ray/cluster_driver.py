"""What the tests of `serve run` need to know while it runs: printed as JSON after the word RESULT.

python cluster_driver.py RAY_ADDRESS HTTP_ADDRESS DIRECTORY

A driver of the running Ray, in a process of its own, as a process connects to one Ray only. Besides the graph it deploys two
small applications. Recordings are processed before and after the models have scaled to zero.
"""

import asyncio
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, cast

import httpx
import ray
from mcp import Client
from ray import serve
from ray.serve import Deployment
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request

from deployments import stage_status
from deployments.config import MODELS
from deployments.correlation import detached, request_id
from deployments.routing import ROUTING
from settings import NAME
from vivavoce.sample import recording

READS = 20
"""How often an agent reads the conversation, so that each replica of the ingress answers."""
CALLS = ("find_speech", "transcribe", "observe", "cluster", "embed_each", "recognize")
METRICS = (
    *(rf'ray_vivavoce_inference_seconds_count\{{.*call="{call}"' for call in CALLS),
    "ray_serve_num_http_requests_total",
    r'ray_vivavoce_jobs_total\{.*state="completed".*\} 1',
    # Reported by other processes than the replicas.
    "ray_node_mem_used",
    "ray_object_store_memory",
)
"""What the exported metrics contain once all replicas have reported theirs: regular expressions."""
TIMEOUT_S = 300.0
SLEEPERS, CALLS_AT_ONCE = 4, 8


def main(ray_address: str, http_address: str, directory: Path) -> None:
    ray.init(ray_address, namespace="serve", log_to_driver=False, logging_level=logging.ERROR)
    try:
        found = {"conversations": get(f"{http_address}/api/v1/conversations")["total"]}
        found["calls_of_replicas"] = calls_of_replicas(directory / "calls")
        found |= Recordings(http_address).observe(lambda: correlation(http_address, directory / "correlation"))
        node = ray._private.worker._global_node
        assert node is not None
        logs = Path(node.get_session_dir_path(), "logs", "serve")
        found["logs"] = {file.name: file.read_text().splitlines() for file in logs.glob("*.log")}
    finally:
        ray.shutdown()
    print("RESULT" + json.dumps(found))


def get(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(url, timeout=TIMEOUT_S).raise_for_status().json()
    return answer


def wait_until(done: Callable[[], bool], interval_s: float = 0.2) -> None:
    """The tests say what is wrong where this gives up."""
    deadline = time.monotonic() + TIMEOUT_S
    while not done() and time.monotonic() < deadline:
        time.sleep(interval_s)


def files(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


def deployment(cls: type) -> Deployment:
    return cast(Deployment, serve.deployment(cls)).options(ray_actor_options={"num_cpus": 0})


def calls_of_replicas(directory: Path) -> list[int]:
    """How many of some simultaneous calls each replica of a deployment with our router gets."""
    directory.mkdir()

    class Sleeper:
        async def __call__(self, number: int) -> int:
            (directory / f"{number}").touch()
            while number >= 0 and not (directory / "go").exists():  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
            return os.getpid()

    async def call_at_once(sleepers: DeploymentHandle[Any]) -> list[int]:
        calls = [asyncio.ensure_future(sleepers.remote(number)) for number in range(CALLS_AT_ONCE)]
        started = {str(number) for number in range(CALLS_AT_ONCE)}
        await asyncio.to_thread(wait_until, lambda: started <= files(directory))
        (directory / "go").touch()
        return list(Counter(await asyncio.gather(*calls)).values())

    sleeper = deployment(Sleeper).options(
        num_replicas=SLEEPERS, max_ongoing_requests=CALLS_AT_ONCE, request_router_config=ROUTING
    )
    sleepers = serve.run(sleeper.bind(), name="sleepers", route_prefix=None)
    sleepers.remote(-1).result()
    time.sleep(1)  # until Serve no longer counts this call for its replica
    counts = asyncio.run(call_at_once(sleepers))
    serve.delete("sleepers")
    return counts


def correlation(http_address: str, directory: Path) -> dict[str, str]:
    """Files written by two calls to a stage after the client disconnects: one detached from the request, one not."""
    directory.mkdir()

    class Stage:
        async def work(self, name: str) -> None:
            (directory / f"{name} begun").touch()
            try:
                while not (directory / "go").exists():  # noqa: ASYNC110  # another process writes it
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                (directory / f"{name} cancelled").touch()
                raise
            (directory / name).write_text(serve.context._get_serve_request_context().request_id)

    class Front:
        def __init__(self, stage: DeploymentHandle[Any]) -> None:
            self.stage = stage

        async def __call__(self, request: Request) -> None:
            async def work(name: str) -> None:
                await self.stage.work.remote(name)

            self.tasks = [
                asyncio.create_task(work("detached"), context=detached(request_id())),
                asyncio.create_task(work("attached"), context=copy_context()),
            ]
            await asyncio.sleep(TIMEOUT_S)

    async def disconnect() -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            request = asyncio.create_task(http.get(f"{http_address}/correlation", headers={"X-Request-ID": "mine"}))
            await asyncio.to_thread(wait_until, lambda: {"detached begun", "attached begun"} <= files(directory))
            request.cancel()
        await asyncio.to_thread(wait_until, lambda: "attached cancelled" in files(directory))
        (directory / "go").touch()
        await asyncio.to_thread(wait_until, lambda: "detached" in files(directory))

    serve.run(deployment(Front).bind(deployment(Stage).bind()), name="correlation", route_prefix="/correlation")
    asyncio.run(disconnect())
    serve.delete("correlation")
    return {file.name: file.read_text() for file in directory.iterdir() if file.name != "go"}


class Recordings:
    """Recordings that are processed by the graph, and an agent that names a speaker between them."""

    def __init__(self, http_address: str) -> None:
        self.address = http_address
        self.api = f"{http_address}/api/v1"
        self.metrics_url = f"http://127.0.0.1:{ray.nodes()[0]['MetricsExportPort']}/metrics"
        self.series: dict[str, str] = {}
        """Each with its last value, of all times when they were read: those of a model go when it scales to zero."""

    def observe(self, while_idle: Callable[[], dict[str, str]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        statuses = stage_status.StageStatus({name: serve.get_deployment_handle(stage, NAME) for name, stage in MODELS.items()})
        before = asyncio.run(statuses())
        with ThreadPoolExecutor() as pool:
            first = pool.submit(self.process, "first-recording")
            wait_until(lambda: self.has_all_metrics() and first.done(), interval_s=1.0)
            found["first_s"], found["first"] = first.result()
        found["metrics"] = self.metrics()
        found["metric_names"] = sorted(set(re.findall(r"^ray_\w+", self.metrics(), re.MULTILINE)))
        found["correlation"] = while_idle()
        wait_until(lambda: not any(self.replicas().values()))
        found["idle"] = self.replicas()
        stage_status.MAX_AGE_S = 0.0  # it reads again, and waits
        found["statuses"] = asyncio.run(statuses()) == before
        found["still_idle"] = self.replicas()
        found["agent"] = asyncio.run(self.name_speaker())
        with ThreadPoolExecutor() as pool:
            second = pool.submit(self.process, "second-recording")
            wait_until(lambda: all(self.replicas().values()))
            newest = get(f"{self.api}/conversations?limit=1")["conversations"][0]["id"]
            found["woken"] = get(f"{self.api}/conversations/{newest}/progress")
            _, found["second"] = second.result()
        return found

    def process(self, request: str) -> tuple[float, tuple[str, list[str]]]:
        """How many seconds it took; the request id of the answer, and the speaker of each segment."""
        start = time.monotonic()
        with recording().open("rb") as file:
            upload = {"audio_file": file}
            answer = httpx.post(f"{self.api}/process", files=upload, timeout=TIMEOUT_S, headers={"X-Request-ID": request})
        segments = answer.raise_for_status().json()["segments"]
        speakers = [segment["speaker_name"] for segment in segments]
        return time.monotonic() - start, (answer.headers["X-Request-ID"], speakers)

    def has_all_metrics(self) -> bool:
        text = httpx.get(self.metrics_url, timeout=TIMEOUT_S).text
        # Gauges that are not reported again for two intervals are left out, and the interval is short here.
        self.series |= {line.rpartition(" ")[0]: line for line in text.splitlines() if line.startswith("ray_")}
        return all(re.search(part, self.metrics()) for part in METRICS)

    def metrics(self) -> str:
        """In Prometheus' text format."""
        return "\n".join(self.series.values())

    def replicas(self) -> dict[str, int]:
        """Replicas of each stage, whatever their state."""
        deployments = serve.status().applications[NAME].deployments
        return {name: sum(found.replica_states.values()) for name, found in deployments.items() if name in MODELS.values()}

    async def name_speaker(self) -> tuple[str, int, list[list[str]]]:
        """The name of a speaker before, how many segments changed it, and the speakers in each later read."""
        async with Client(f"{self.address}/mcp") as client:

            async def call(tool: str, **arguments: Any) -> Any:
                return (await client.call_tool(tool, arguments)).structured_content

            latest = await call("get_latest_segments")
            segment = latest["segments"][0]
            answer = await call("identify_speaker_in_segment", segment_id=segment["id"], speaker_name="Nick")
            reads = [await call("get_conversation", conversation_id=latest["conversation_id"]) for _ in range(READS)]
        speakers = [[segment["speaker_name"] for segment in read["segments"]] for read in reads]
        return segment["speaker_name"], answer["segments_updated"], speakers


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
