"""Measure accuracy and speed of the whole application: the first tables of docs/measurements.md, in one run.

python -m benchmarks.accuracy.end_to_end [--data DIRECTORY]

All recordings go through `POST /process` of an application that is started for the benchmark, with the models that the settings
choose for this machine. Compare times within one run only.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile

from benchmarks.harness import compose, spoken
from benchmarks.harness.application import Application, running
from benchmarks.harness.command import DATA, Data, run
from engines.diarization_errors import diarization_error_rate
from pipeline.evaluation.error_rates import word_error_rate, word_speaker_accuracy
from pipeline.types import SAMPLE_RATE, Turn
from vivavoce.printing import table

MINUTES = 5
REPEATS = 2
"""Runs, of which the fastest counts: slower ones are due to other work of the machine (see the documentation of `timeit`)."""


def main(data: Data = DATA) -> None:
    with tempfile.TemporaryDirectory() as scratch, running() as application:
        report(
            "Memory", ("", "minutes", "MB"), memory(application, data, Path(scratch))
        )  # first: memory that is loaded once and held counts, too
        header = ("recording", "DER", "speakers", "found", "WER", "words right", "with emotion")
        report("Accuracy", header, accuracy(application, data))
        report("Recognition", ("recording", "voices", "right"), recognition(application, data, Path(scratch)))
        columns = (f"{MINUTES} minutes", "one process", "POST /process", "ratio")
        report("Graph", columns, overhead(application, data, Path(scratch)))
        report("Long", ("interview", "minutes", "took", "times real time", "peak MB", "DER", "WER"), long(application, data))


def report(title: str, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    print(f"\n{title}\n{table(header, list(rows))}", flush=True)


def accuracy(application: Application, data: Path) -> Iterator[Sequence[str]]:
    """Error rates where there is a reference; no collar, overlaps scored."""
    folder = data / "conversations"
    for path in [folder / "pyannote_sample/sample.flac", *sorted((folder / "ami").glob("*.flac"))]:
        reference = read_rttm(path.with_suffix(".rttm"))
        conversation, _ = application.process_file(path)
        rttm = application.client.get(f"/conversations/{conversation['id']}/transcript", params={"format": "rttm"})
        found = parse_rttm(rttm.text)
        der = diarization_error_rate(reference, found, duration=soundfile.info(path).duration)
        speakers = (str(len({turn.speaker for turn in turns})) for turns in (reference, found))
        segments = conversation["segments"]
        feeling = sum(bool(s["emotion_category"] and s["emotion_confidence"]) for s in segments)
        yield path.stem, f"{der:.1%}", *speakers, *words(path.with_suffix(".stm"), segments), f"{feeling}/{len(segments)}"


def words(reference: Path, segments: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Word error rate, and the share of correct words with the right speaker."""
    if not reference.exists():
        return "–", "–"
    said = spoken.said_in(reference)
    heard = [(word["word"], segment["speaker_name"]) for segment in segments for word in segment["words"]]
    wer = word_error_rate(" ".join(word for word, _ in said), " ".join(segment["text"] for segment in segments))
    return f"{wer:.1%}", f"{word_speaker_accuracy(said, heard):.1%}"


def recognition(application: Application, data: Path, scratch: Path) -> Iterator[Sequence[str]]:
    """Whether the voices of one recording, and only these, are recognized in the next."""
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    readers = sorted({utterance.reader for utterance in pool})
    halves = [[u for u in pool if u.path.stem.endswith(tuple(digits))] for digits in ("01234", "56789")]
    first = compose.conversation(readers[:4], halves[0], 120, seed=1)
    second = compose.conversation(readers[1:5], halves[1], 120, seed=2)
    pairs = [(name, half.turns, write(scratch / f"{name}.flac", half)) for name, half in (("first", first), ("second", second))]
    ami = data / "conversations/ami"
    for title, recordings in (
        ("4 readers, then 3 of them and a new one", pairs),
        (
            "AMI EN2002a, then EN2002b",
            [(n, read_rttm(ami / f"{n}_0-30s.rttm"), ami / f"{n}_0-30s.flac") for n in ("EN2002a", "EN2002b")],
        ),
    ):
        known, present = (who(application.process_file(path)[0]["segments"], turns) for _, turns, path in recordings)
        before = set(known.values())
        right = sum(known[name] == speaker if name in known else speaker not in before for name, speaker in present.items())
        yield title, str(len(present)), f"{right}/{len(present)}"


def who(segments: Sequence[dict[str, Any]], turns: Sequence[Turn]) -> dict[str, int]:
    """The speaker of most of each person's words, for every person who speaks without overlap."""
    votes: dict[str, Counter[int]] = {}
    for segment in segments:
        for word in segment["words"]:
            middle = (word["start"] + word["end"]) / 2
            speaking = [turn.speaker for turn in turns if turn.start <= middle <= turn.end]
            if len(speaking) == 1 and segment["speaker_id"] is not None:
                votes.setdefault(speaking[0], Counter())[segment["speaker_id"]] += 1
    return {name: count.most_common(1)[0][0] for name, count in votes.items()}


def overhead(application: Application, data: Path, scratch: Path) -> Iterator[Sequence[str]]:
    """Time through the graph against the same engines, called side by side in one process with as many threads."""
    path = five_minutes(data, scratch)
    posted, called = [], []
    for _ in range(REPEATS):
        posted.append(application.process_file(path)[1])
        command = [sys.executable, "-m", "benchmarks.harness.direct", str(path), "2"]  # the first run of a process warms it up
        called.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]))
    yield "fastest", f"{min(called):.1f} s", f"{min(posted):.1f} s", f"{min(posted) / min(called):.2f}"


def memory(application: Application, data: Path, scratch: Path) -> Iterator[Sequence[str]]:
    """Proportional set size of all processes, PostgreSQL and Ray included.

    The growth is from the second recording to the third: the first is shorter than one call of the stages.
    """
    yield "idle", "", f"{application.memory() / 2**20:.0f}"
    recordings = {
        "sample": data / "conversations/pyannote_sample/sample.flac",
        "composed": five_minutes(data, scratch),
        "talk": data / "long/ted_katedarling.flac",
    }
    peaks: list[tuple[float, float]] = []
    for name, path in recordings.items():
        peaks.append((soundfile.info(path).duration / 60, application.peak_memory(path) / 2**20))
        yield f"peak, {name}", f"{peaks[-1][0]:.1f}", f"{peaks[-1][1]:.0f}"
    (_, _), (short, before), (long, after) = peaks
    yield "growth", "a minute", f"{(after - before) / (long - short):.1f}"


def long(application: Application, data: Path) -> Iterator[Sequence[str]]:
    """An interview of 76 minutes. Its reference has whole seconds, so half a second around each boundary is not scored."""
    path = data / "long/baxley.mp3"
    start = time.perf_counter()
    peak = application.peak_memory(path, every=5.0)
    seconds = time.perf_counter() - start
    conversation = application.client.get("/conversations", params={"limit": 1}).json()["conversations"][0]
    transcript = f"/conversations/{conversation['id']}/transcript"
    turns = parse_rttm(application.client.get(transcript, params={"format": "rttm"}).text)
    duration = conversation["duration"]
    der = diarization_error_rate(read_rttm(path.with_suffix(".approx.rttm")), turns, duration=duration, collar=0.5)
    segments = application.client.get(f"/conversations/{conversation['id']}").json()["segments"]
    said = re.sub(r"^\[[\d-]+\] [^:]+: ", "", path.with_suffix(".txt").read_text(), flags=re.MULTILINE)  # times and names
    wer = word_error_rate(said, " ".join(segment["text"] for segment in segments))
    speed = f"{duration / seconds:.1f}"
    yield path.stem, f"{duration / 60:.1f}", f"{seconds / 60:.1f} min", speed, f"{peak / 2**20:.0f}", f"{der:.1%}", f"{wer:.1%}"


def five_minutes(data: Path, scratch: Path) -> Path:
    """A conversation of six people who read aloud."""
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    talk = compose.conversation(sorted({utterance.reader for utterance in pool}), pool, MINUTES * 60, seed=3)
    return write(scratch / "talk.flac", talk)


def write(path: Path, talk: compose.Composed) -> Path:
    soundfile.write(path, talk.samples, SAMPLE_RATE)
    return path


def read_rttm(path: Path) -> list[Turn]:
    return parse_rttm(path.read_text())


def parse_rttm(text: str) -> list[Turn]:
    rows = (line.split() for line in text.splitlines() if line.startswith("SPEAKER"))
    return [Turn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


if __name__ == "__main__":
    run(main)
