"""Latency of a live segment: from the silence that ends it to its `segment` message, compared with direct calls of the engines.

python -m benchmarks.performance.live [FILE …] [--streams N] [--data DIRECTORY]

Files are streamed in real time, one after the other, twice, to an application that is started for the benchmark; without files,
the sample and a conversation of two readers. Then the last file is streamed again, with partial results, and N times at once.
Compare times within one run only.
"""

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import typer

from benchmarks.harness import compose
from benchmarks.harness.application import Application, running
from benchmarks.harness.command import DATA, Data, Files, run
from engines import in_process
from engines.streaming_vad import StreamingVad
from media.decoding import decode
from pipeline.live.endpointing import Endpointer, SpeechSpan
from pipeline.live.live_segment import SegmentOptions, process_segment
from pipeline.live.vad import SILERO
from pipeline.types import SAMPLE_RATE, Samples
from services.live.server_messages import ServerMessage
from settings import Settings
from vivavoce.listen import FRAME_SAMPLES, Source, listen
from vivavoce.printing import table
from vivavoce.sample import recording

LANGUAGE = "en"
SECONDS = 60
"""Of the composed conversation."""
RUNS = 2
"""Runs of each segment, by the application and by the engines alone; the faster one of each is compared."""


@dataclass
class Stream:
    """The messages for one file, and their times in seconds since its first sample was spoken."""

    began: float = 0.0
    came: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def of(self, type_: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at - self.began, data) for at, kind, data in self.came if kind == type_]


@dataclass(frozen=True)
class EndpointedSpan:
    cut: SpeechSpan
    ended: float
    """When the audio that ended the span was sent, in seconds."""


def main(
    files: Files = None,
    streams: Annotated[int, typer.Option(help="Concurrent streams; 0 skips them.")] = 20,
    data: Data = DATA,
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        files = files or [recording(), composed(data, Path(scratch))]
        with running() as application:
            alone = [(path, [stream(application, path, partials=False) for _ in range(RUNS)]) for path in files]
            stages = in_process.load(Settings())  # the application is idle meanwhile, so that the engines have the machine
            rows = [row for path, streamed in alone for row in compare(path, streamed, stages)]
            print(f"One stream\n{table(('file', 'line at', 'seconds', 'engines', 'application', 'ratio'), rows)}")
            ratios = [float(row[-1]) for row in rows]
            print(f"ratio: median {statistics.median(ratios):.2f}, largest {max(ratios):.2f}", flush=True)
            words = first_words(files[-1], stream(application, files[-1], partials=True))
            print(f"\nThe same with partial results\n{table(('line at', 'first word after'), words)}", flush=True)
            if streams:
                print(f"\n{streams} streams at once\n{table(HEADER, [many(application, files[-1], streams)])}")


def composed(data: Path, scratch: Path) -> Path:
    """Two readers who alternate; the file's text is stored beside it."""
    pool = compose.utterances(data / "read_speech" / "librispeech_test-other")
    readers = sorted({utterance.reader for utterance in pool})[:2]
    path = scratch / "two readers.flac"
    conversation = compose.conversation(readers, pool, SECONDS, seed=1)
    soundfile.write(path, conversation.samples, SAMPLE_RATE)
    path.with_suffix(".txt").write_text(conversation.text)
    return path


def stream(application: Application, path: Path, *, partials: bool) -> Stream:
    """Play a file in real time."""
    found = Stream()
    address = str(application.client.base_url).removesuffix("/api/v1/")
    options = {"language": LANGUAGE, "partials": partials}

    def received(message: ServerMessage) -> None:
        found.came.append((time.monotonic(), message.type, message.data.model_dump()))

    listen(address, played(samples_of(path), found), options, received)
    return found


def played(samples: Samples, found: Stream) -> Source:
    def play(stop: threading.Event) -> Iterator[Samples]:
        found.began = time.monotonic()
        for at in range(0, len(samples), FRAME_SAMPLES):
            due = found.began + min(at + FRAME_SAMPLES, len(samples)) / SAMPLE_RATE
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            yield samples[at : at + FRAME_SAMPLES]

    return play


def samples_of(path: Path) -> Samples:
    """The file as the application gets it, in 16 bits."""
    samples = decode(path, max_duration=3600)
    rounded: Samples = (np.rint(samples * 32768).clip(-32768, 32767) / 32768).astype(np.float32)
    return rounded


def endpointed_spans(samples: Samples) -> list[EndpointedSpan]:
    """The spans of speech into which the application divides the stream, and when it can."""
    endpointer = Endpointer(StreamingVad(), SILERO, Settings().silence_duration)
    found = []
    for at in range(0, len(samples), FRAME_SAMPLES):
        piece = samples[at : at + FRAME_SAMPLES]
        found += [EndpointedSpan(cut, (at + len(piece)) / SAMPLE_RATE) for cut in endpointer.feed(piece)]
    return found + [EndpointedSpan(cut, len(samples) / SAMPLE_RATE) for cut in endpointer.finish()]


def delays(samples: Samples, streamed: Stream) -> list[tuple[EndpointedSpan, float]]:
    """Spans with words, and the seconds from the end of each to its last message."""
    found = []
    for span in endpointed_spans(samples):
        start, end = span.cut.start / SAMPLE_RATE, span.cut.end / SAMPLE_RATE
        came = [at for at, data in streamed.of("segment") if start <= data["start_offset"] < end]
        if came:
            found.append((span, max(came) - span.ended))
    return found


def compare(path: Path, streamed: Sequence[Stream], stages: in_process.LocalStages) -> Iterator[Sequence[str]]:
    samples = samples_of(path)
    for runs in zip(*(delays(samples, each) for each in streamed), strict=True):  # the same spans each time
        span, delay = min(runs, key=lambda run: run[1])
        own = engines_alone(samples[span.cut.start : span.cut.end], stages)
        at, length = span.cut.start / SAMPLE_RATE, (span.cut.end - span.cut.start) / SAMPLE_RATE
        yield path.stem, f"{at:.1f} s", f"{length:.1f}", f"{own:.2f} s", f"{delay:.2f} s", f"{delay / own:.2f}"


def engines_alone(samples: Samples, stages: in_process.LocalStages) -> float:
    """Seconds that the same work takes in one process."""

    def once() -> float:
        start = time.perf_counter()
        asyncio.run(process_segment(samples, len(samples) / SAMPLE_RATE, stages, SegmentOptions(LANGUAGE)))
        return time.perf_counter() - start

    return min(once() for _ in range(RUNS))


def first_words(path: Path, streamed: Stream) -> list[Sequence[str]]:
    """Seconds from the start of each span to its first words, partial or not."""
    rows: list[Sequence[str]] = []
    for span in endpointed_spans(samples_of(path)):
        start, end = span.cut.start / SAMPLE_RATE, span.cut.end / SAMPLE_RATE
        came = [at for kind in ("partial", "segment") for at, data in streamed.of(kind) if start <= data["start_offset"] < end]
        if came:
            rows.append((f"{start:.1f} s", f"{min(came) - start:.2f} s"))
    return rows


HEADER = ("streams", "seconds said", "seconds kept", "lines", "errors", "median delay", "largest", "MB more at the peak")


def many(application: Application, path: Path, count: int) -> Sequence[str]:
    samples = samples_of(path)
    before = peak = application.memory()
    streams = in_parallel(lambda: stream(application, path, partials=False), count)
    while any(thread.is_alive() for thread, _ in streams):
        time.sleep(1)
        peak = max(peak, application.memory())
    found = [box[0] for _, box in streams if box]
    kept = sum(data["duration"] for each in found for _, data in each.of("completed"))
    late = [delay for each in found for _, delay in delays(samples, each)]
    errors = count - len(found) + sum(len(each.of("error")) for each in found)
    return (
        *(str(count), f"{count * len(samples) / SAMPLE_RATE:.1f}", f"{kept:.1f}", str(len(late)), str(errors)),
        *(f"{statistics.median(late):.1f} s", f"{max(late):.1f} s", f"{(peak - before) / 1e6:.0f}"),
    )


def in_parallel(work: Callable[[], Stream], count: int) -> list[tuple[threading.Thread, list[Stream]]]:
    """Threads that each put their result into a list; it stays empty where the work fails."""
    found = []
    for _ in range(count):
        box: list[Stream] = []
        thread = threading.Thread(target=lambda box=box: box.append(work()))
        thread.start()
        found.append((thread, box))
    return found


if __name__ == "__main__":
    run(main)
