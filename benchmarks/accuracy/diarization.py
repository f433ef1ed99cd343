"""Compare our diarization with pyannote's own: the same weights, recordings and number of threads, in one run.

    python -m benchmarks.accuracy.diarization [--data DIRECTORY] [--threads N] [--device cpu|cuda] [--answers DIRECTORY]

Each pipeline processes each recording in a process of its own; loading is not counted. pyannote's takes about three times the
recording's length on a CPU core, so the whole benchmark takes an hour and more. With `--answers` an interrupted run continues
where it stopped.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import soundfile
import typer

from benchmarks.accuracy.end_to_end import read_rttm
from benchmarks.harness import compose
from benchmarks.harness.command import DATA, Data, run
from engines.diarization_errors import diarization_error_rate
from pipeline.types import SAMPLE_RATE, Diarization, Samples, Turn
from vivavoce.printing import table

COMPOSED = ((2, 3), (3, 3), (4, 5), (6, 5), (8, 3))
"""Speakers and minutes of the composed conversations."""
OVERLAP = 0.25
"""How many of their turns interrupt the one before."""
NOISE = 20.0
"""dB, the signal-to-noise ratio in them."""
HEADER = ("recording", "min", "DER stock", "ours", "ours to stock", "speakers", "stock", "ours")
COST = ("CPU s stock", "ours", "ratio", "wall s stock", "ours", "MB stock", "ours")


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    path: Path
    reference: tuple[Turn, ...]

    @property
    def duration(self) -> float:
        return float(soundfile.info(self.path).duration)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one pipeline for one recording, with its time and memory."""

    turns: tuple[Turn, ...]
    cpu: float
    wall: float
    peak: float
    """MB, of the whole process."""

    @property
    def speakers(self) -> int:
        return len({turn.speaker for turn in self.turns})


def main(
    data: Data = DATA,
    threads: int = 1,
    device: str = "cpu",
    answers: Annotated[Path | None, typer.Option(help="Folder in which results are kept and found again.")] = None,
    answer_one: Annotated[tuple[str, str] | None, typer.Option("--answer", hidden=True)] = None,
) -> None:
    if answer_one is not None:
        print(json.dumps(answer(*answer_one, threads=threads, device=device)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        answers = answers or Path(scratch)
        answers.mkdir(parents=True, exist_ok=True)
        rows, ders = [], []
        for recording in recordings(data, Path(scratch)):
            stock, ours = (ask(name, recording, answers, threads, device) for name in ("stock", "ours"))
            ders.append([error(recording, recording.reference, found) for found in (stock, ours)])
            rows.append(row(recording, stock, ours, *ders[-1]))
            print(rows[-1][0], file=sys.stderr, flush=True)
    print(table((*HEADER, *COST), rows))
    means = [sum(column) / len(column) for column in zip(*ders, strict=True)]
    print(f"mean DER: stock {means[0]:.1%}, ours {means[1]:.1%}")


def row(recording: Recording, stock: Answer, ours: Answer, der_stock: float, der_ours: float) -> list[str]:
    speakers = len({turn.speaker for turn in recording.reference})
    return [
        recording.name,
        f"{recording.duration / 60:.1f}",
        f"{der_stock:.1%}",
        f"{der_ours:.1%}",
        f"{error(recording, stock.turns, ours):.1%}" if stock.turns else "–",
        *(str(count) for count in (speakers, stock.speakers, ours.speakers)),
        f"{stock.cpu:.1f}",
        f"{ours.cpu:.1f}",
        f"{stock.cpu / ours.cpu:.0f}",
        f"{stock.wall:.1f}",
        f"{ours.wall:.1f}",
        f"{stock.peak:.0f}",
        f"{ours.peak:.0f}",
    ]


def error(recording: Recording, reference: Sequence[Turn], found: Answer) -> float:
    return diarization_error_rate(reference, found.turns, duration=recording.duration)


def recordings(data: Path, scratch: Path) -> Iterator[Recording]:
    folder = data / "conversations"
    for path in [folder / "pyannote_sample/sample.flac", *sorted((folder / "ami").glob("*.flac"))]:
        yield Recording(path.stem, path, tuple(read_rttm(path.with_suffix(".rttm"))))
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    pool += compose.impostors(data / "read_speech/librispeech_train-clean-100")
    readers = list(dict.fromkeys(utterance.reader for utterance in pool))  # those with several utterances first
    for speakers, minutes in COMPOSED:
        talk = compose.conversation(
            readers[:speakers], pool, minutes * 60, seed=speakers, overlap=OVERLAP, noise=NOISE, repeat=True
        )
        path = scratch / f"{speakers} readers.flac"
        soundfile.write(path, talk.samples, SAMPLE_RATE)
        yield Recording(path.stem, path, talk.turns)


def ask(pipeline: str, recording: Recording, answers: Path, threads: int, device: str) -> Answer:
    kept = answers / f"{pipeline} {recording.name}.json"
    if not kept.exists():
        command = [sys.executable, "-m", "benchmarks.accuracy.diarization", "--threads", str(threads), "--device", device]
        run = subprocess.run([*command, "--answer", pipeline, recording.path], check=True, stdout=subprocess.PIPE, text=True)
        kept.write_text(run.stdout)
    found = json.loads(kept.read_text())
    return Answer(tuple(Turn(*turn) for turn in found.pop("turns")), **found)


def answer(pipeline: str, file: str, *, threads: int, device: str) -> dict[str, Any]:
    samples, _ = soundfile.read(file, dtype="float32")
    diarize = PIPELINES[pipeline](threads, device)
    cpu, wall = time.process_time(), time.perf_counter()
    found = diarize(samples)
    return {
        "turns": [(turn.start, turn.end, turn.speaker) for turn in found.turns],
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def weights() -> Path:
    from engines.weights.resolver import resolve
    from settings import Settings

    return resolve("diarization", Settings(), gpu=False).path


def stock(threads: int, device: str) -> Callable[[Samples], Diarization]:
    import engines._pyannote  # noqa: F401

    # isort: split
    import torch
    from pyannote.audio import Pipeline

    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline: Any = Pipeline.from_pretrained(weights()).to(torch.device(device))  # type: ignore[union-attr]

    def diarize(samples: Samples) -> Diarization:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pipeline({"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE, "uri": "recording"})
        turns = (Turn(s.start, s.end, label) for s, _, label in found.speaker_diarization.itertracks(yield_label=True))
        return Diarization(tuple(turns), ())

    return diarize


def ours(threads: int, device: str) -> Callable[[Samples], Diarization]:
    from engines.diarization import PyannoteDiarization

    return PyannoteDiarization(weights(), device=device, threads=threads).diarize


PIPELINES = {"stock": stock, "ours": ours}


if __name__ == "__main__":
    run(main)
