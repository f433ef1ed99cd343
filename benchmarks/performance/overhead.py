"""The cost of the graph in addition to its models: `python -m benchmarks.performance.overhead [--data DIRECTORY] [--runs 2]`.

A conversation of five minutes goes through `POST /process` of the whole application, on two raylets of this machine. The
benchmark records when each model runs, the calls of each stage with the sizes of arguments and results, and the bytes that each
node's object store receives. Time outside of the stages is time in which no model runs: upload, decoding, transport, storage
and the response.
"""

import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, cast
from unittest.mock import patch

import cloudpickle
import httpx
import ray
import typer
from ray import ObjectRef, serve
from ray._private.internal_api import node_stats

from benchmarks.accuracy.end_to_end import five_minutes
from benchmarks.harness.application import open_directory
from benchmarks.harness.command import DATA, Data, run
from benchmarks.performance.scaling import cluster
from deployments.app import AppArgs, build_app
from deployments.config import load_config
from deployments.ingress import Ingress
from deployments.metrics import Call
from deployments.stages.diarizer import Diarizer
from deployments.stages.embedder import SpeakerEmbedder
from deployments.stages.emotion import EmotionRecognizer
from deployments.stages.replica import Replica
from deployments.stages.transcriber import Transcriber
from media.recording import duration
from pipeline.types import SAMPLE_RATE
from tests.support.ports import free_port
from vivavoce.printing import table
from vivavoce.sample import recording

NAME = "vivavoce"
NODES = 2
CPUS = 2
"""Of each node. One would carry the whole graph, but Serve spreads it."""
BYTES = 4
"""A sample."""


class Observed(Replica):
    """A stage that records when its model ran."""

    def __init__(self, *args: Any) -> None:
        self.intervals: list[tuple[float, float]] = []
        super().__init__(*args)

    async def run(self, call: Call, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            began = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                self.intervals.append((began, time.monotonic()))

        return await super().run(call, noted, *args, **kwargs)

    async def observed(self) -> tuple[str, list[tuple[float, float]]]:
        """The node that it is on, and the spans in which its model ran, by the clock of this machine."""
        return ray.get_runtime_context().get_node_id(), self.intervals


class ObservedTranscriber(Observed, Transcriber): ...


class ObservedDiarizer(Observed, Diarizer): ...


class ObservedEmbedder(Observed, SpeakerEmbedder): ...


class ObservedEmotion(Observed, EmotionRecognizer): ...


OBSERVED: dict[str, Any] = {
    "Transcriber": ObservedTranscriber,
    "Diarizer": ObservedDiarizer,
    "SpeakerEmbedder": ObservedEmbedder,
    "EmotionRecognizer": ObservedEmotion,
}


class Counted:
    """A handle of a stage that counts calls, and the bytes of arguments and results, by the name of the call."""

    def __init__(self, handle: Any, tally: Counter[tuple[str, str]]) -> None:
        self.handle = handle
        self.tally = tally

    def options(self, **options: Any) -> "Counted":
        return Counted(self.handle.options(**options), self.tally)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.handle, name)
        return _CountedMethod(name, value, self.tally) if hasattr(value, "remote") else value


class _CountedMethod:
    def __init__(self, name: str, method: Any, tally: Counter[tuple[str, str]]) -> None:
        self.name, self.method, self.tally = name, method, tally

    def remote(self, *args: Any) -> Any:
        self.tally[self.name, "calls"] += 1
        self.tally[self.name, "asked"] += size([None if isinstance(arg, ObjectRef) else arg for arg in args])
        answer = self.method.remote(*args)
        return self._streamed(answer) if hasattr(answer, "__aiter__") else self._awaited(answer)

    async def _awaited(self, answer: Any) -> Any:
        value = await answer
        self.tally[self.name, "answered"] += size(value)
        return value

    async def _streamed(self, answer: Any) -> AsyncIterator[Any]:
        async for value in answer:
            self.tally[self.name, "answered"] += size(value)
            yield value


class CountingIngress(Ingress):
    async def __init__(self, *args: Any) -> None:  # type: ignore[misc]  # Serve gives the ingress class an asynchronous constructor
        await cast(Any, super()).__init__(*args)
        self.tally: Counter[tuple[str, str]] = Counter()
        counted: Any = {name: Counted(handle, self.tally) for name, handle in self.stages.items()}
        self.stages = counted

    async def counted(self) -> tuple[str, Counter[tuple[str, str]]]:
        """The node that it is on, and the calls that it has made."""
        return ray.get_runtime_context().get_node_id(), self.tally


def size(value: Any) -> int:
    return len(cloudpickle.dumps(value))


def main(data: Data = DATA, runs: Annotated[int, typer.Option(help="Runs of the recording; the fastest counts.")] = 2) -> None:
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with ExitStack() as stack:
        archive = stack.enter_context(open_directory())
        path = five_minutes(data, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        port = free_port()
        stack.enter_context(cluster(NODES * CPUS, NODES, port=port))
        args = load_config("cpu")["applications"][0]["args"] | {"settings": {"data_path": archive}}
        stack.enter_context(patch.multiple("deployments.app", **{"Ingress": CountingIngress, **OBSERVED}))
        serve.run(build_app(AppArgs(**args)), name=NAME)
        stack.callback(serve.delete, NAME)
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=None))
        post(client, recording())  # the first call of each handle looks for its replicas
        measured = [measure(client, path) for _ in range(runs)]
        seconds = duration(path)
    print(report(min(measured, key=lambda run: run["outside"]), seconds))
    print(f"outside of the stages, all runs: {', '.join(share(run) for run in measured)}")


def share(run: dict[str, Any]) -> str:
    return f"{run['outside']:.1f} of {run['wall']:.1f} s ({run['outside'] / run['wall']:.1%})"


def post(client: httpx.Client, path: Path) -> None:
    with path.open("rb") as file:
        client.post("/process", files={"audio_file": (path.name, file)}, data={"language": "en"}).raise_for_status()


def measure(client: httpx.Client, path: Path) -> dict[str, Any]:
    """One recording: seconds in all and outside of the stages, calls, and transferred bytes."""
    node, before = ask(CountingIngress, "counted")
    stored = taken_in()
    began = time.monotonic()
    post(client, path)
    ended = time.monotonic()
    seen = {name: ask(cls, "observed") for name, cls in OBSERVED.items()}
    spans = ((max(a, began), min(b, ended)) for _, intervals in seen.values() for a, b in intervals if a < ended and b > began)
    return {
        "wall": ended - began,
        "outside": ended - began - covered(spans),
        "tally": ask(CountingIngress, "counted")[1] - before,
        "stored": {node: taken - stored[node] for node, taken in taken_in().items()},
        "nodes": {"Ingress": node} | {name: node for name, (node, _) in seen.items()},
    }


def ask(deployment: type, method: str) -> Any:
    return getattr(serve.get_deployment_handle(deployment.__name__, NAME), method).remote().result()


def taken_in() -> dict[str, int]:
    """Bytes that each node's object store has received so far, from its own processes and from other nodes."""
    found = {}
    for node in ray.nodes():
        if node["Alive"]:
            stats = node_stats(node["NodeManagerAddress"], node["NodeManagerPort"], include_memory_info=False)
            found[node["NodeID"]] = int(stats.store_stats.cumulative_created_bytes)
    return found


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one of the spans is."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def report(run: dict[str, Any], seconds: float) -> str:
    calls: Counter[tuple[str, str]] = run["tally"]
    rows: list[Sequence[str]] = []
    for name in sorted({name for name, _ in calls}):
        kilobytes = (f"{calls[name, what] / 1000:.1f}" for what in ("asked", "answered"))
        rows.append((name, str(calls[name, "calls"]), *kilobytes))
    audio = seconds * SAMPLE_RATE * BYTES
    places = []
    for node, taken in run["stored"].items():
        who = ", ".join(sorted(name for name, where in run["nodes"].items() if where == node))
        places.append((node[:6], who, f"{taken / 1e6:.1f}", f"{taken / audio:.2f}"))
    return (
        f"{seconds / 60:.1f} minutes of speech, {audio / 1e6:.1f} MB as samples\n\n"
        f"{table(('call', 'times', 'kB asked', 'kB answered'), rows)}\n\n"
        f"{table(('node', 'holds', 'MB taken in', 'times the audio'), places)}\n\n"
        f"outside of the stages: {share(run)}"
    )


if __name__ == "__main__":
    run(main)
