"""Check that a live stream yields the same segments at any speed of the audio, and the same words as an upload.

python -m benchmarks.reliability.live_clients [FILE …] [--data DIRECTORY]

The client uses the contract only: a bare `start`, float32 at 48 kHz, `stop`. Files are streamed in real time, four times as
fast, and in bursts of up to eight seconds, sent as fast as the server takes them; without files, the sample, a conversation of
two readers and a telephone call. All files at one speed are streamed at once. Then they are uploaded. If a reference text is
beside a file, in .stm or .txt, both are compared with that, too.
"""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from websockets.sync.client import connect

from benchmarks.harness import spoken
from benchmarks.harness.application import Application, running
from benchmarks.harness.command import DATA, Data, Files, run
from benchmarks.performance.live import composed
from media.decoding import decode
from pipeline.evaluation.error_rates import word_error_rate
from pipeline.types import SAMPLE_RATE, Samples
from vivavoce.printing import table

RATE = 48_000
FRAME = 4096
"""Samples that a browser's audio node gives at a time."""
BURST = 8 * RATE
SAMPLE = Path("conversations/pyannote_sample/sample.flac")
CALL = Path("conversations/misc/aws_call_8k.flac")
Frames = Callable[[Samples], Iterator[Samples]]
HEADER = (
    "file",
    "speed",
    "lines",
    "cuts equal",
    "words equal",
    "seconds lost",
    "WER against the upload",
    "against the truth",
    "the upload",
)


@dataclass
class ProcessedSegment:
    lines: list[dict[str, Any]]
    duration: float

    @property
    def cuts(self) -> list[tuple[float, float]]:
        return [(line["start_offset"], line["end_offset"]) for line in self.lines]

    @property
    def text(self) -> str:
        return " ".join(line["text"] for line in self.lines)


def main(files: Files = None, data: Data = DATA) -> None:
    with tempfile.TemporaryDirectory() as scratch, running() as application:
        files = files or [data / SAMPLE, composed(data, Path(scratch)), data / CALL]
        sounds = [at_48_khz(path) for path in files]
        found = {name: at_once(application, sounds, frames) for name, frames in SPEEDS.items()}
        uploads = [text_of(application, path) for path in files]
        said = [truth(path) for path in files]
    rows = []
    for number, path in enumerate(files):
        first = next(iter(found.values()))[number]
        for name, heard in found.items():
            one = heard[number]
            lost = len(sounds[number]) / RATE - one.duration
            equal = ("yes" if one.cuts == first.cuts else "NO", "yes" if one.text == first.text else "NO")
            errors = [word_error_rate(uploads[number], one.text)]
            errors += [word_error_rate(said[number], text) for text in (one.text, uploads[number]) if said[number]]
            shown = [f"{error:.1%}" for error in errors] + ["–"] * (3 - len(errors))
            rows.append((path.stem, name, str(len(one.lines)), *equal, f"{lost:.2f}", *shown))
    print(table(HEADER, rows))


def truth(path: Path) -> str:
    """The reference text; empty where there is none."""
    if (text := path.with_suffix(".txt")).exists():
        return text.read_text()
    stm = path.with_suffix(".stm")
    return " ".join(word for word, _ in spoken.said_in(stm)) if stm.exists() else ""


def at_48_khz(path: Path) -> Samples:
    """As a microphone gives it."""
    samples: Samples = soxr.resample(decode(path, max_duration=3600), SAMPLE_RATE, RATE)
    return samples


def timed(speed: float) -> Frames:
    def frames(samples: Samples) -> Iterator[Samples]:
        began = time.monotonic()
        for at in range(0, len(samples), FRAME):
            time.sleep(max(0.0, began + min(at + FRAME, len(samples)) / RATE / speed - time.monotonic()))
            yield samples[at : at + FRAME]

    return frames


def bursts(samples: Samples) -> Iterator[Samples]:
    chance, at = np.random.default_rng(1), 0
    while at < len(samples):
        end = at + int(chance.integers(1, BURST))
        yield samples[at:end]
        at = end


SPEEDS: dict[str, Frames] = {"real time": timed(1.0), "4 times": timed(4.0), "bursts": bursts}


def at_once(application: Application, sounds: list[Samples], frames: Frames) -> list[ProcessedSegment]:
    with ThreadPoolExecutor(len(sounds)) as threads:
        return list(threads.map(lambda samples: stream(application.streams, frames(samples)), sounds))


def stream(url: str, frames: Iterator[Samples]) -> ProcessedSegment:
    """Stream as a client of the reference system does."""
    with connect(url, proxy=None, max_size=None) as socket:
        socket.send(json.dumps({"type": "start"}))

        def speak() -> None:
            for samples in frames:
                socket.send(samples.astype("<f4").tobytes())
            socket.send(json.dumps({"type": "stop"}))

        speaker = threading.Thread(target=speak)
        speaker.start()
        lines = []
        while (message := json.loads(socket.recv()))["type"] != "completed":
            if message["type"] == "error":
                print(message["data"]["message"])
            if message["type"] == "segment":
                lines.append(message["data"])
        speaker.join()
    return ProcessedSegment(lines, message["data"]["duration"])


def text_of(application: Application, path: Path) -> str:
    """The transcript of an uploaded file."""
    return " ".join(segment["text"] for segment in application.process_file(path)[0]["segments"])


if __name__ == "__main__":
    run(main)
