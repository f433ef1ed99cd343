"""GPU benchmarks: memory of each stage, real-time factors, and several recordings at once.

    python -m benchmarks.performance.gpu FILE… [--at-once 4] [--cpu]

The application starts with the settings of the environment (`WHISPER_MODEL=large-v3 …`). Every file goes through `POST
/process` alone. Then `--at-once` copies of the last one are processed side by side. With `--cpu` the same files are also
processed without the GPU, and the differences in words and speakers are printed.
"""

import os
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import httpx
import psutil
import typer

from benchmarks.harness.application import Application, running
from benchmarks.harness.command import run
from pipeline.evaluation.error_rates import word_error_rate, word_speaker_accuracy
from vivavoce.printing import table

SERIES = re.compile(r"^ray_vivavoce_(audio_seconds_total|inference_seconds_sum)\{(.*)\} (\S+)$", re.MULTILINE)
EXPORTED = 15.0
"""Seconds until Ray exports the latest values of its metrics."""


def main(
    files: Annotated[list[Path], typer.Argument(help="Recordings.", exists=True, dir_okay=False)],
    at_once: Annotated[int, typer.Option(help="Copies of the last file that are processed side by side.")] = 4,
    cpu: Annotated[bool, typer.Option(help="Repeat without the GPU, and compare the results.")] = False,
) -> None:
    found = process_all(files, at_once)
    if cpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # for Ray and all of its processes
        other = process_all(files, at_once)
        rows = [(path.name, *differences(a, b)) for path, a, b in zip(files, found, other, strict=True)]
        print(f"\n{table(('with the GPU against without', 'words that differ', 'same speaker', 'speakers'), rows)}", flush=True)


def process_all(files: list[Path], at_once: int) -> list[dict[str, Any]]:
    """Process the files, print the measurements, and return the conversations."""
    with running() as application:
        stages = application.client.get("/status").json()["stages"]
        rows: list[tuple[str, ...]] = [(stage, told["model"], told["device"]) for stage, told in stages.items()]
        print(f"\n{table(('stage', 'model', 'device'), rows)}", flush=True)
        idle = memory(application)
        conversations, rows = [], []
        for path in files:
            with watched() as usage:
                conversation, seconds = application.process_file(path)
            conversations.append(conversation)
            rows.append(row(path.name, conversation["duration"], seconds, usage))
        if at_once > 1:
            with watched() as usage, ThreadPoolExecutor(at_once) as threads:
                start = time.perf_counter()
                together = list(threads.map(application.process_file, [files[-1]] * at_once))
                seconds = time.perf_counter() - start
            rows.append(row(f"{at_once} × {files[-1].name}", sum(c["duration"] for c, _ in together), seconds, usage))
        print(f"\n{table(('recording', 'minutes', 's', 'times real time', 'GPU busy', 'GPU MB, peak'), rows)}", flush=True)
        time.sleep(EXPORTED)
        busy = memory(application)
        rows = [(name, f"{idle.get(name, 0)}", f"{busy[name]}") for name in sorted(busy)]
        print(f"\n{table(('process', 'GPU MB, idle', 'GPU MB, after work'), rows)}", flush=True)
        rows = [(*call, f"{audio:.0f}", f"{took:.1f}", f"{took / audio:.4f}") for call, (audio, took) in factors(application)]
        print(f"\n{table(('stage', 'call', 's of audio', 's of inference', 'factor'), rows)}", flush=True)
    return conversations


def row(name: str, duration: float, seconds: float, usage: list[tuple[int, int]]) -> tuple[str, ...]:
    busy, peak = ("–", "–") if not usage else (f"{sum(u for u, _ in usage) / len(usage):.0f} %", f"{max(m for _, m in usage)}")
    return name, f"{duration / 60:.1f}", f"{seconds:.1f}", f"{duration / seconds:.1f}", busy, peak


def differences(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, str, str]:
    """How many words differ, how many of those that do not have the same speaker, and how many speakers there are."""
    said = [[(w["word"], segment["speaker_name"]) for segment in c["segments"] for w in segment["words"]] for c in (one, other)]
    words = word_error_rate(*(" ".join(segment["text"] for segment in found["segments"]) for found in (other, one)))
    speakers = " / ".join(str(len({name for _, name in found})) for found in said)
    return f"{words:.2%}", f"{word_speaker_accuracy(said[1], said[0]):.1%}", speakers


@contextmanager
def watched(every: float = 0.25) -> Iterator[list[tuple[int, int]]]:
    """Utilisation in percent and memory in MB of the first GPU, while the block lasts; empty where there is none."""
    usage: list[tuple[int, int]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every):
            usage.extend((int(a), int(b)) for a, b in smi("--query-gpu=utilization.gpu,memory.used")[:1])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield usage
    finally:
        done.set()
        thread.join()


def memory(application: Application) -> Mapping[str, int]:
    """MB of the GPU that each process of the application holds, by the name of the process."""
    held: dict[str, int] = defaultdict(int)
    ours = {process.pid: process for process in psutil.Process(application.process.pid).children(recursive=True)}
    for pid, megabytes in smi("--query-compute-apps=pid,used_memory"):
        if process := ours.get(int(pid)):
            held[" ".join(process.cmdline()[:1])] += int(megabytes)
    return held


def smi(query: str) -> list[list[str]]:
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return []
    try:
        out = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader,nounits"], capture_output=True, text=True, check=False
        ).stdout
    except FileNotFoundError:
        return []
    return [line.split(", ") for line in out.splitlines()]


def factors(application: Application) -> Iterator[tuple[tuple[str, str], tuple[float, float]]]:
    """Seconds of audio and of inference of each stage and call, as Ray's metrics have them."""
    sums: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for series, tags, value in SERIES.findall(exported(application)):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tags))
        sums[told["deployment"], told["call"]][series] += float(value)
    for call, found in sorted(sums.items()):
        if found["audio_seconds_total"]:
            yield call, (found["audio_seconds_total"], found["inference_seconds_sum"])


def exported(application: Application) -> str:
    """The metrics of Ray's agent, which listens on a random port; empty where it exports none of ours."""
    for process in psutil.Process(application.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            for socket in process.net_connections("tcp"):
                if socket.status == psutil.CONN_LISTEN:
                    with suppress(httpx.HTTPError):
                        text = httpx.get(f"http://127.0.0.1:{socket.laddr.port}/metrics", timeout=2).text
                        if SERIES.search(text):
                            return text
    return ""


if __name__ == "__main__":
    run(main)
