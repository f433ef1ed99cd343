"""Word and character error rates of each language: our decoding and bare faster-whisper, in one run.

    python -m benchmarks.accuracy.transcription [--data DIRECTORY] [--answers DIRECTORY]

Both have the same weights, windows of speech and one thread; no language is given. Bare faster-whisper decodes each window
once, in the language of the first. Our decoding detects the language of every window, decodes failed and omitted speech again,
and drops hallucinations. Japanese and Chinese are written without spaces, so they have no word error rate. Where the reference
is printed text, case and punctuation of the words that are right are compared, too. It takes an hour and more; with `--answers`
an interrupted run continues where it stopped.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import BatchedInferencePipeline
from faster_whisper.transcribe import Segment

from benchmarks.harness import figures, spoken
from benchmarks.harness.command import DATA, Answers, Data, kept_in, run
from benchmarks.harness.spoken import Spoken
from engines.in_process import LocalTranscriber
from engines.vad import find_speech
from engines.weights.resolver import resolve
from engines.whisper.transcription import BEAM_SIZE, Whisper
from pipeline.evaluation.error_rates import aligned, character_errors, word_errors, written_errors
from pipeline.languages import language_name
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.transcript.windows import pack
from pipeline.types import (
    SAMPLE_RATE,
    Diarization,
    Emotion,
    Observation,
    Samples,
    Span,
    SpeakerHint,
    Turn,
    Voiceprint,
)
from settings import Settings
from vivavoce.printing import table

WITHOUT_SPACES = ("ja", "zh")
NO_OPTIONS = Options()

Errors = Callable[[str, str], tuple[int, int]]
"""Of a reference and a hypothesis: wrong ones, and all of the reference."""


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    cpu: float
    """Seconds."""


class OneSpeaker:
    """The other stages, which cost nothing: one person speaks all the time."""

    def __init__(self, seconds: float) -> None:
        self.turns = (Turn(0.0, seconds, "SPEAKER_00"),)

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return Diarization(self.turns, self.turns)

    async def embed(self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(np.ones(1, np.float32), "none")

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [None for _ in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        return [Emotion("neutral", 1.0, {}, np.ones(1, np.float32), "none") for _ in spans]


class Transcribers:
    """Bare faster-whisper and our decoding with one model; answers are kept in a folder and found again."""

    def __init__(self, answers: Path) -> None:
        self._answers = answers
        engine = Whisper(resolve("whisper", Settings(), gpu=False).path, threads=1)
        bare, ours = BatchedInferencePipeline(engine.model), LocalTranscriber(lambda _: engine)
        self._systems: dict[str, Callable[[Samples], str]] = {
            "stock": lambda samples: text_of_bare(bare, samples),
            "ours": lambda samples: text_of_ours(ours, samples),
        }

    def ask(self, system: str, recording: Spoken) -> Answer:
        kept = self._answers / f"{system} words {recording.name}.json"
        if not kept.exists():
            samples = recording.read()
            began = time.process_time()
            text = self._systems[system](samples)
            kept.write_text(json.dumps({"text": text, "cpu": time.process_time() - began}))
            print(kept.stem, file=sys.stderr, flush=True)
        return Answer(**json.loads(kept.read_text()))


@dataclass(frozen=True, slots=True)
class Transcribed:
    recording: Spoken
    ours: Answer
    stock: Answer | None


def main(data: Data = DATA, answers: Answers = None) -> None:
    with kept_in(answers) as folder:
        found = transcribe(spoken.recordings(data), folder)
    print(figures.shown(rows(found)))
    print(f"\n{table(('of', 'recordings', 'CPU s stock', 'ours', 'ratio'), list(cost(found)))}")


def transcribe(recordings: Iterable[Spoken], answers: Path, *, stock: bool = True) -> list[Transcribed]:
    systems = Transcribers(answers)
    return [Transcribed(each, systems.ask("ours", each), systems.ask("stock", each) if stock else None) for each in recordings]


def rows(found: Sequence[Transcribed]) -> Iterator[figures.Row]:
    """Errors of words and characters, and of case and punctuation where the reference is printed text: in each language, and of
    each corpus where a language has several."""
    for language in dict.fromkeys(each.recording.language for each in found):
        own = [each for each in found if each.recording.language == language]
        name, corpora = language_name(language).capitalize(), list(dict.fromkeys(each.recording.corpus for each in own))
        yield from of_group(name, own)
        for corpus in corpora if len(corpora) > 1 else ():
            yield from of_group(f"{name}: {corpus}", [each for each in own if each.recording.corpus == corpus])


def of_group(group: str, found: Sequence[Transcribed]) -> Iterator[figures.Row]:
    spaced = [each for each in found if each.recording.language not in WITHOUT_SPACES]
    for figure, errors, some in (("WER", word_errors, spaced), ("CER", character_errors, found)):
        if some:
            ours = [count for each in some for count in _counts(each.recording, each.ours, errors)]
            stock = [count for each in some if each.stock for count in _counts(each.recording, each.stock, errors)]
            yield figures.Row(figure, group, ours, stock or None)
    yield from _written(group, found)


def _written(group: str, found: Sequence[Transcribed]) -> Iterator[figures.Row]:
    """Of recordings whose reference is printed text; the unit is a recording."""
    printed = [each for each in found if each.recording.written]
    for place, figure in enumerate(("case", "punctuation")):
        ours = [figures.Count(*written_errors(each.recording.text, each.ours.text)[place]) for each in printed]
        stock = [figures.Count(*written_errors(each.recording.text, each.stock.text)[place]) for each in printed if each.stock]
        if sum(count.total for count in ours):
            yield figures.Row(figure, group, ours, stock or None)


def _counts(recording: Spoken, answer: Answer, errors: Errors) -> Iterator[figures.Count]:
    for expected, found in aligned(recording.texts, answer.text):
        yield figures.Count(*errors(expected, found))


def cost(found: Sequence[Transcribed]) -> Iterator[Sequence[str]]:
    for corpus in dict.fromkeys(each.recording.corpus for each in found):
        times = [(each.stock.cpu, each.ours.cpu) for each in found if each.recording.corpus == corpus and each.stock]
        stock, ours = (sum(column) for column in zip(*times, strict=True))
        yield corpus, str(len(times)), f"{stock:.1f}", f"{ours:.1f}", f"{ours / stock:.2f}"


def text_of_bare(bare: BatchedInferencePipeline, audio: Samples) -> str:
    return "".join(segment.text for segment in segments_of_bare(bare, audio)).strip()


def segments_of_bare(bare: BatchedInferencePipeline, audio: Samples) -> list[Segment]:
    windows = [{"start": window.start, "end": window.end} for window in pack(find_speech(audio))]
    if not windows:
        return []
    segments, _ = bare.transcribe(
        audio, clip_timestamps=windows, batch_size=1, beam_size=BEAM_SIZE, word_timestamps=True, without_timestamps=True
    )
    return list(segments)


def text_of_ours(transcriber: LocalTranscriber, audio: Samples, options: Options = NO_OPTIONS) -> str:
    seconds = len(audio) / SAMPLE_RATE
    others = OneSpeaker(seconds)
    found = asyncio.run(process(audio, seconds, Stages(transcriber, others, others, others), options, ignore))
    return " ".join(segment.text for segment in found.segments)


async def ignore(_stage: str, _fraction: float) -> None: ...


if __name__ == "__main__":
    run(main)
