"""Compare our decoding with bare faster-whisper: the same weights, windows of speech and threads, in one run.

    python -m benchmarks.accuracy.transcription [--data DIRECTORY] [--repeats N]

Bare faster-whisper decodes each window once, in the language of the first. Our decoding detects the language of every window,
decodes failed and omitted speech again, and drops hallucinations. No language is given. Both run on one thread. The first run
is not counted.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import BatchedInferencePipeline

from benchmarks.accuracy.end_to_end import said_in
from benchmarks.harness import compose
from benchmarks.harness.command import DATA, Data, run
from engines.in_process import LocalTranscriber
from engines.vad import find_speech
from engines.weights.resolver import resolve
from engines.whisper import BEAM_SIZE, Whisper
from media.decoding import decode
from pipeline.evaluation.error_rates import word_errors
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

READERS = 3
PAUSE_S = 0.7
"""Between two utterances of a reader."""
MAX_S = 3600.0
HEADER = ("recording", "minutes", "words", "WER bare", "ours", "CPU s bare", "ours", "ratio")


@dataclass(frozen=True, slots=True)
class Recording:
    samples: Samples
    reference: str
    """Empty where there is none."""


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


def main(data: Data = DATA, repeats: int = 2) -> None:
    engine = Whisper(resolve("whisper", Settings(), gpu=False).path, threads=1)
    print(table(HEADER, list(rows(engine, data, repeats))))


def rows(engine: Whisper, data: Path, repeats: int) -> Iterator[Sequence[str]]:
    bare, ours = BatchedInferencePipeline(engine.model), LocalTranscriber(lambda _: engine)
    for name, recordings in corpus(data).items():
        plain, its_cpu = fastest(lambda: [text_of_bare(bare, each.samples) for each in recordings], repeats)  # noqa: B023
        text, cpu = fastest(lambda: [text_of_ours(ours, each.samples) for each in recordings], repeats)  # noqa: B023
        minutes = sum(len(each.samples) for each in recordings) / SAMPLE_RATE / 60
        words = f"{sum(len(each.split()) for each in plain)}, {sum(len(each.split()) for each in text)}"
        rates = (error_rate(recordings, plain), error_rate(recordings, text))
        yield name, f"{minutes:.1f}", words, *rates, f"{its_cpu:.1f}", f"{cpu:.1f}", f"{cpu / its_cpu:.2f}"


def corpus(data: Path) -> dict[str, list[Recording]]:
    sample = data / "conversations/pyannote_sample/sample"
    reference = " ".join(word for word, _ in said_in(sample.with_suffix(".stm")))
    folder = data / "read_speech/picovoice_multilingual"
    tests = json.loads((folder / "leopard_test_data.json").read_text())["tests"]["language_tests"]
    clips = [(folder / test["audio_file"]).with_suffix(".flac") for test in tests]
    texts = [test["transcript"] for test in tests]
    return {
        "pyannote's sample, telephone": [Recording(read(sample.with_suffix(".flac")), reference)],
        f"{READERS} readers": readers(data / "read_speech/librispeech_test-other"),
        f"{len(clips)} languages": [
            Recording(read(clip), text) for clip, text in zip(clips, texts, strict=True) if clip.exists()
        ],
        "telephone call, 8 kHz": [Recording(read(data / "conversations/misc/aws_call_8k.flac"), "")],
    }


def readers(folder: Path) -> list[Recording]:
    """Everything that each of the first readers reads, with pauses."""
    found = []
    pool = compose.utterances(folder)
    for reader in sorted({utterance.reader for utterance in pool})[:READERS]:
        own = [utterance for utterance in pool if utterance.reader == reader]
        pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
        pieces = [piece for utterance in own for piece in (read(utterance.path), pause)]
        found.append(Recording(np.concatenate(pieces), " ".join(utterance.text for utterance in own)))
    return found


def read(path: Path) -> Samples:
    return decode(path, max_duration=MAX_S)


def text_of_bare(bare: BatchedInferencePipeline, audio: Samples) -> str:
    windows = [{"start": window.start, "end": window.end} for window in pack(find_speech(audio))]
    segments, _ = bare.transcribe(
        audio, clip_timestamps=windows, batch_size=1, beam_size=BEAM_SIZE, word_timestamps=True, without_timestamps=True
    )
    return "".join(segment.text for segment in segments)


def text_of_ours(transcriber: LocalTranscriber, audio: Samples) -> str:
    seconds = len(audio) / SAMPLE_RATE
    others = OneSpeaker(seconds)
    found = asyncio.run(process(audio, seconds, Stages(transcriber, others, others, others), Options(), ignore))
    return " ".join(segment.text for segment in found.segments)


async def ignore(_stage: str, _fraction: float) -> None: ...


def fastest(work: Callable[[], list[str]], repeats: int) -> tuple[list[str], float]:
    """The texts, and the CPU seconds of the fastest run."""
    cpu: list[float] = []
    texts = work()
    for _ in range(repeats):
        began = time.process_time()
        texts = work()
        cpu.append(time.process_time() - began)
    return texts, min(cpu)


def error_rate(recordings: Sequence[Recording], texts: Sequence[str]) -> str:
    """Over all words of the recordings that have a reference."""
    errors = [word_errors(each.reference, text) for each, text in zip(recordings, texts, strict=True) if each.reference]
    if not errors:
        return "–"
    return f"{sum(wrong for wrong, _ in errors) / sum(words for _, words in errors):.2%}"


if __name__ == "__main__":
    run(main)
