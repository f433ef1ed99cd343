"""How the graph scales with the number of replicas.

    python -m benchmarks.performance.scaling [--replicas 1 --replicas 2 …] [--transcribers 1 …] [--real 1 …]

Simulated: the engines (`tests.support.cluster.sleeping`) sleep for about the time that a GPU takes. The benchmark measures all
the rest: the fan-out of a recording, Serve's queues and batches, Ray's transport between several raylets, which claim more
CPUs than this machine has. A replica is a process of some 100 MB, and where this machine's CPUs are busy the graph is slower
than on as many machines.

First, windows of many recordings: how many are transcribed a second by 1, 2, 4, … replicas, against as many full batches. Then
one recording of an hour, whole: its time with as many replicas of every stage, against that with one of each. At last the real
model beside the simulation, one thread a replica: windows of speech a second, against those of as many processes that have the
model and nothing else.
"""

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Annotated, Any

import numpy as np
import ray
import typer
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.handle import DeploymentHandle

from benchmarks.harness.command import run
from deployments import handles
from deployments.routing import ROUTING
from deployments.stages.transcriber import CPU_BATCH_SIZE, GPU_BATCH_SIZE, Transcriber
from engines.weights.resolver import resolve
from engines.whisper.transcription import Whisper, Window
from media.decoding import decode
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Span
from settings import Settings
from tests.support.cluster import sleeping
from tests.support.cluster import stages as simulated
from tests.support.cluster.sleeping import WINDOW_S
from vivavoce.sample import recording

Handle = DeploymentHandle[Any]

NODES = 4
WAITING = 4
"""Batches of windows that wait for each replica."""
MEASURED = 40.0
"""Seconds of full load that are measured."""


class SimulatedTranscriber(simulated.Transcriber):
    def __init__(self, slower: float) -> None:
        os.environ[sleeping.SLOWER] = str(slower)
        super().__init__(Settings())
        self.set_batch_size(GPU_BATCH_SIZE)


class SimulatedDiarizer(simulated.Diarizer):
    def __init__(self, slower: float) -> None:
        os.environ[sleeping.SLOWER] = str(slower)
        super().__init__(Settings())


class SimulatedEmbedder(simulated.SpeakerEmbedder):
    def __init__(self, slower: float) -> None:
        os.environ[sleeping.SLOWER] = str(slower)
        super().__init__(Settings())


class SimulatedEmotion(simulated.EmotionRecognizer):
    def __init__(self, slower: float) -> None:
        os.environ[sleeping.SLOWER] = str(slower)
        super().__init__(Settings())


def deploy(cls: type, replicas: int, *args: Any) -> Handle:
    """Exactly so many replicas, each on a machine's fair share of the raylets."""
    deployment: Any = serve.deployment(cls)
    options = {
        "num_replicas": replicas,
        "max_ongoing_requests": 256,
        "ray_actor_options": {"num_cpus": 1},
        "request_router_config": ROUTING,
    }
    return serve.run(deployment.options(**options).bind(*args), name=cls.__name__, route_prefix=None)


async def throughput(handle: Handle, audio: Any, asking: int, seconds: float, coming: float) -> float:
    """Windows a second with this number of waiting calls; counted once each call has been made once.

    The slope of the line through all answers: a batch's come all at once. The calls come within `coming` seconds, as those of
    recordings do.
    """
    stage = handles.RemoteTranscriber(handle)
    answers: list[float] = []
    warm = asyncio.Event()

    async def ask(later: float) -> None:
        await asyncio.sleep(later)
        while True:
            await stage.transcribe(audio, Span(0.0, WINDOW_S), "en")
            answers.append(time.perf_counter())
            if len(answers) >= asking:
                warm.set()

    tasks = [asyncio.create_task(ask(coming * number / asking)) for number in range(asking)]
    await warm.wait()
    await asyncio.sleep(seconds)
    rate = float(np.polyfit(answers[asking:], np.arange(len(answers) - asking), 1)[0])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return rate


async def one_recording(replicas: int, audio: Any, duration: float, slower: float) -> float:
    """Seconds from a decoded recording to its transcript."""
    stages = Stages(
        handles.RemoteTranscriber(deploy(SimulatedTranscriber, replicas, slower)),
        handles.RemoteDiarizer(deploy(SimulatedDiarizer, replicas, slower)),
        handles.RemoteEmbedder(deploy(SimulatedEmbedder, replicas, slower)),
        handles.RemoteEmotionRecognizer(deploy(SimulatedEmotion, replicas, slower)),
    )

    async def ignore(_stage: str, _fraction: float) -> None: ...

    short = ray.put(np.zeros(round(WINDOW_S * SAMPLE_RATE), np.float32))
    await process(
        short, WINDOW_S, stages, Options(filter_hallucinations=False), ignore
    )  # the first calls look for the replicas
    start = time.perf_counter()
    transcript = await process(audio, duration, stages, Options(filter_hallucinations=False), ignore)
    assert len(transcript.segments) >= duration / WINDOW_S
    return time.perf_counter() - start


def windows_a_second(seconds: float) -> float:
    """The windows a second that the model alone transcribes in this process."""
    model = Whisper(resolve("whisper", Settings(), gpu=False).path, device="cpu", threads=1)
    batch = [Window(decode(recording(), max_duration=WINDOW_S + 1), Span(0.0, WINDOW_S), "en")] * CPU_BATCH_SIZE
    model.transcribe(batch)
    start, passes = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        model.transcribe(batch)
        passes += 1
    return passes * CPU_BATCH_SIZE / (time.perf_counter() - start)


def by_themselves(processes: int, seconds: float) -> float:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(windows_a_second, [seconds] * processes))


@contextmanager
def cluster(cpus: int, nodes: int = NODES, **http: Any) -> Iterator[None]:
    """Several raylets on this machine that claim to have `cpus` CPUs together, and Serve; `http`: its proxy's options."""
    with tempfile.TemporaryDirectory(prefix="ray-") as directory:
        node: dict[str, Any] = {"num_cpus": -(-cpus // nodes), "object_store_memory": 600 * 2**20}
        os.environ["RAY_TMPDIR"] = directory  # `ray.init()` of other programs looks for a cluster in the usual place
        machines = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
        try:
            for _ in range(nodes - 1):
                machines.add_node(**node)
            ray.init(address=machines.address, log_to_driver=False, logging_level=logging.ERROR)
            serve.start(proxy_location="HeadOnly" if http else "Disabled", http_options=http or None)
            yield
            serve.shutdown()
        finally:
            ray.shutdown()
            machines.shutdown()


async def measure_all(
    replicas: Sequence[int], transcribers: Sequence[int], real: Sequence[int], slower: float, minutes: float, seconds: float
) -> None:
    print(f"A simulation: the models sleep. {NODES} raylets on a machine with {os.cpu_count()} CPUs.\n")
    batch = slower * (sleeping.PASS_S + sleeping.WINDOW_PASS_S * GPU_BATCH_SIZE)
    ideal = GPU_BATCH_SIZE / batch
    if slower != 1:
        print(f"Models are {slower:g} times slower than they would be.\n")
    print("| transcribers | windows a second | ideal | of ideal |\n|---:|---:|---:|---:|")
    audio = ray.put(np.zeros(round(WINDOW_S * SAMPLE_RATE), np.float32))
    for count in replicas:
        handle = deploy(SimulatedTranscriber, count, slower)
        asking, whole = WAITING * GPU_BATCH_SIZE * count, WAITING * batch
        rate = await throughput(handle, audio, asking, max(seconds, whole), coming=whole)
        print(f"| {count} | {rate:.1f} | {count * ideal:.1f} | {rate / (count * ideal):.0%} |", flush=True)
    serve.delete(SimulatedTranscriber.__name__)  # the processes of many replicas, before the next begin

    print(f"\n| of every stage | {minutes:.0f} min of speech | ideal | of ideal |\n|---:|---:|---:|---:|")
    audio = ray.put(np.zeros(round(minutes * 60 * SAMPLE_RATE), np.float32))
    alone: float | None = None
    for count in transcribers:
        took = await one_recording(count, audio, minutes * 60, slower)
        alone = alone or took * count
        print(f"| {count} | {took:.1f} s | {alone / count:.1f} s | {alone / count / took:.0%} |", flush=True)
    for cls in (SimulatedTranscriber, SimulatedDiarizer, SimulatedEmbedder, SimulatedEmotion):
        serve.delete(cls.__name__)

    print("\nThe real model, one thread a replica, and in processes without the graph.\n")
    print("| transcribers | windows a second | in processes | of those |\n|---:|---:|---:|---:|")
    audio = ray.put(decode(recording(), max_duration=WINDOW_S + 1))
    seconds = max(seconds, MEASURED)
    for count in real:
        handle = deploy(Transcriber, count, Settings(cpu_threads=1))
        rate = await throughput(handle, audio, WAITING * CPU_BATCH_SIZE * count, seconds, coming=0.0)
        serve.delete(Transcriber.__name__)
        ideal = by_themselves(count, seconds)
        print(f"| {count} | {rate:.2f} | {ideal:.2f} | {rate / ideal:.0%} |", flush=True)


REPLICAS = [1, 2, 4, 8, 16]
"""Simulated transcribers."""
TRANSCRIBERS = [1, 4, 16]
"""Replicas of every stage, for one recording."""
REAL = [1, 2]
"""Replicas with the real model."""
Counts = Annotated[list[int] | None, typer.Option(help="Repeat it for several numbers.")]


def main(
    replicas: Counts = None,
    transcribers: Counts = None,
    real: Counts = None,
    slower: Annotated[float, typer.Option(help="Factor, for more replicas than the CPUs of this machine can serve.")] = 1.0,
    minutes: Annotated[float, typer.Option(help="Length of the one recording.")] = 60.0,
    seconds: Annotated[float, typer.Option(help="Seconds of full load that are measured.")] = MEASURED,
) -> None:
    replicas, transcribers, real = replicas or REPLICAS, transcribers or TRANSCRIBERS, real or REAL
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    with cluster(max([*replicas, *real, 4 * max(transcribers, default=0)]) + NODES):
        asyncio.run(measure_all(replicas, transcribers, real, slower, minutes, seconds))


if __name__ == "__main__":
    run(main)
