"""Compare our diarization with pyannote's own: the same weights, recordings and number of threads, in one run.

    python -m benchmarks.accuracy.diarization [--data DIRECTORY] [--words DIRECTORY] [--ours] [--threads N]
        [--device cpu|cuda] [--answers DIRECTORY]

Each pipeline processes each recording in a process of its own; loading is not counted. pyannote's takes about three times the
recording's length on a CPU core, so the whole benchmark takes an hour and more; with `--ours` it is left out. With `--answers`
an interrupted run continues where it stopped.

The strict error rate counts all that the reference has as speech: laughter and breath in the meetings, silences within the
utterances of composed conversations. Of these only words count in "words only": where pyannote's sample has them in its `.stm`,
where the RTTM files of `--words` have them for the meetings (`only_words/rttms` of BUTSpeechFIT/AMI-diarization-setup, made of
AMI's manual annotations), and where Silero finds speech in the utterances of a composed conversation. What the strict
reference has besides is not scored.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import soundfile
import typer

from benchmarks.accuracy.end_to_end import read_rttm
from benchmarks.harness import compose
from benchmarks.harness.command import DATA, Data, run
from benchmarks.harness.references import Reference
from pipeline.types import SAMPLE_RATE, Diarization, Samples, Turn
from vivavoce.printing import table

COMPOSED = ((2, 3), (3, 3), (4, 5), (6, 5), (8, 3))
"""Speakers and minutes of the composed conversations."""
OVERLAP = 0.25
"""How many of their turns interrupt the one before."""
NOISE = 20.0
"""dB, the signal-to-noise ratio in them."""
HEADER = ("recording", "min", "DER", "words only", "speakers", "found", "CPU s", "wall s", "MB")
STOCK = ("DER stock", "words only", "ours to stock", "found", "CPU s", "ratio", "wall s", "MB")


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    path: Path
    reference: Reference

    @property
    def duration(self) -> float:
        return float(soundfile.info(self.path).duration)

    def strict(self, found: "Answer") -> float:
        return self.reference.strict(found.turns, self.duration)

    def rates(self, found: "Answer") -> tuple[str, str]:
        """The strict error rate, and that of words only."""
        words_only = self.reference.words_only(found.turns, self.duration)
        return f"{self.strict(found):.1%}", "–" if words_only is None else f"{words_only:.1%}"


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
    words: Annotated[Path | None, typer.Option(help="Folder of RTTM files with the words of the meetings alone.")] = None,
    ours: Annotated[bool, typer.Option("--ours", help="Without pyannote's own pipeline.")] = False,
    answer_one: Annotated[tuple[str, str] | None, typer.Option("--answer", hidden=True)] = None,
) -> None:
    if answer_one is not None:
        print(json.dumps(answer(*answer_one, threads=threads, device=device)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        answers = answers or Path(scratch)
        answers.mkdir(parents=True, exist_ok=True)
        rows, ders = [], []
        for recording in recordings(data, Path(scratch), words):
            found = [ask(name, recording, answers, threads, device) for name in (("ours",) if ours else ("ours", "stock"))]
            ders.append([recording.strict(one) for one in found])
            rows.append(row(recording, *found))
            print(rows[-1][0], file=sys.stderr, flush=True)
    print(table(HEADER if ours else (*HEADER, *STOCK), rows))
    means = [f"{sum(column) / len(column):.1%}" for column in zip(*ders, strict=True)]
    print("mean DER:", *(f"{name} {mean}" for name, mean in zip(("ours", "stock"), means, strict=False)))


def row(recording: Recording, ours: Answer, stock: Answer | None = None) -> list[str]:
    speakers = len({turn.speaker for turn in recording.reference.turns})
    cells = [recording.name, f"{recording.duration / 60:.1f}", *recording.rates(ours), str(speakers), str(ours.speakers)]
    cells += [f"{ours.cpu:.1f}", f"{ours.wall:.1f}", f"{ours.peak:.0f}"]
    if stock is not None:
        difference = Reference(stock.turns).strict(ours.turns, recording.duration)
        cells += [*recording.rates(stock), f"{difference:.1%}" if stock.turns else "–", str(stock.speakers)]
        cells += [f"{stock.cpu:.1f}", f"{stock.cpu / ours.cpu:.0f}", f"{stock.wall:.1f}", f"{stock.peak:.0f}"]
    return cells


def recordings(data: Path, scratch: Path, words: Path | None = None) -> Iterator[Recording]:
    """The recordings with references, and the composed ones, which are written to `scratch`; `words` as in `words_of`."""
    folder = data / "conversations"
    for path in [folder / "pyannote_sample/sample.flac", *sorted((folder / "ami").glob("*.flac"))]:
        turns = tuple(read_rttm(path.with_suffix(".rttm")))
        yield Recording(path.stem, path, Reference(turns, words_of(path, words)))
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    pool += compose.impostors(data / "read_speech/librispeech_train-clean-100")
    readers = list(dict.fromkeys(utterance.reader for utterance in pool))  # those with several utterances first
    for speakers, minutes in COMPOSED:
        talk = compose.conversation(
            readers[:speakers], pool, minutes * 60, seed=speakers, overlap=OVERLAP, noise=NOISE, repeat=True
        )
        path = scratch / f"{speakers} readers.flac"
        soundfile.write(path, talk.samples, SAMPLE_RATE)
        yield Recording(path.stem, path, Reference(talk.turns, compose.spoken(talk)))


def words_of(path: Path, words: Path | None) -> tuple[Turn, ...] | None:
    """The turns with words: of the `.stm` beside a recording, or of an RTTM file below `words` named for its meeting."""
    if (stm := path.with_suffix(".stm")).exists():
        rows = [line.split(maxsplit=5) for line in stm.read_text().splitlines()]
        return tuple(Turn(float(row[3]), float(row[4]), row[2]) for row in rows)
    found = [] if words is None else sorted(words.rglob(f"{path.stem.partition('_')[0]}.rttm"))
    return tuple(read_rttm(found[0])) if found else None


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
