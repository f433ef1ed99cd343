"""All figures of accuracy in one table: ours beside stock, with 95 % confidence intervals. `make bench-accuracy`

    python -m benchmarks.accuracy [--data DIRECTORY] [--answers DIRECTORY] [--part NAME]... [--short [--baseline]]

Every figure is a rate of errors. Its interval is a bootstrap over utterances or sentences, recordings or speakers. The last
column is the difference on the same units: where its interval is on one side of zero, there is one. pyannote's own pipeline
and bare faster-whisper take hours; with `--answers` an interrupted run continues where it stopped. `--short` is what CI runs:
ours alone, on recordings that take seconds; it fails where a figure is above its interval in `baseline.json`, which
`--baseline` writes.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.accuracy import conversations, diarization_rows, emotion_rows, identification_rows, short, transcription
from benchmarks.harness import figures, spoken
from benchmarks.harness.command import DATA, Answers, Data, kept_in, run
from engines import in_process
from settings import Settings


def words(data: Path, answers: Path) -> Iterator[figures.Row]:
    return transcription.rows(transcription.transcribe(spoken.recordings(data), answers))


def words_and_speakers(data: Path, answers: Path) -> Iterator[figures.Row]:
    return conversations.rows([*conversations.real(data), *conversations.composed(data, answers)], answers)


PARTS: dict[str, Callable[[Path, Path], Iterable[figures.Row]]] = {
    "words": words,
    "conversations": words_and_speakers,
    "diarization": diarization_rows.rows,
    "identification": identification_rows.rows,
    "emotion": emotion_rows.rows,
}


def main(
    data: Data = DATA,
    answers: Answers = None,
    part: Annotated[list[str] | None, typer.Option(help=f"Only this part: {', '.join(PARTS)}.")] = None,
    short_version: Annotated[bool, typer.Option("--short", help="Ours alone, on recordings that take seconds.")] = False,
    baseline: Annotated[bool, typer.Option("--baseline", help="Make the figures of --short the baseline.")] = False,
) -> None:
    if short_version:
        stages = in_process.load(Settings())
        compare(list(short.rows(stages, short.transcribe(stages, data))), write=baseline)
        return
    with kept_in(answers) as folder:
        print(figures.shown(row for name in part or PARTS for row in PARTS[name](data, folder)))


def compare(rows: list[figures.Row], *, write: bool) -> None:
    print(figures.shown(rows))
    if write:
        figures.write(short.BASELINE, rows)
    elif found := figures.worse(short.BASELINE, rows):
        sys.exit("\n".join(["", *found]))


if __name__ == "__main__":
    run(main)
