"""The figures of accuracy that take seconds; CI compares them with their baseline.

pyannote's sample is part of its package. A sentence in each of eight languages comes from the shared recordings, where these
are.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.accuracy import conversations, diarization, diarization_rows, transcription
from benchmarks.accuracy.end_to_end import read_rttm
from benchmarks.accuracy.transcription import Transcribed
from benchmarks.harness import figures, spoken
from benchmarks.harness.references import Reference
from engines.in_process import LocalStages, LocalTranscriber
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE
from vivavoce import sample

BASELINE = Path(__file__).with_name("baseline.json")


def rows(stages: LocalStages, sentences: Sequence[Transcribed]) -> Iterator[figures.Row]:
    yield from telephone(stages)
    if sentences:
        yield from transcription.of_group("8 languages", sentences)


def transcribe(stages: LocalStages, data: Path) -> list[Transcribed]:
    """The sentence of each language; none where there are no shared recordings."""
    assert isinstance(stages.transcriber, LocalTranscriber)
    recordings = list(spoken.languages(data))
    texts = [transcription.text_of_ours(stages.transcriber, each.read()) for each in recordings]
    return _transcribed(recordings, texts)


def telephone(stages: LocalStages) -> Iterator[figures.Row]:
    """All of one recording, as the application processes it."""
    path = sample.recording()
    recording = spoken.telephone(path)
    samples = spoken.telephone(path).read()
    duration = len(samples) / SAMPLE_RATE
    found = asyncio.run(process(samples, duration, stages, Options(), transcription.ignore))
    yield from transcription.of_group("telephone", _transcribed([recording], [" ".join(s.text for s in found.segments)]))
    said = conversations.joined((segment.speaker, segment.text) for segment in found.segments)
    yield conversations.row("telephone", [conversations.telephone(path)], [said])
    reference = Reference(tuple(read_rttm(path.with_suffix(".rttm"))), diarization.words_of(path, None))
    yield figures.Row("DER", "telephone", [diarization_rows.strict(reference, found.turns, duration)])
    yield figures.Row("DER, words only", "telephone", [diarization_rows.words_only(reference, found.turns, duration)])


def _transcribed(recordings: list[spoken.Spoken], texts: list[str]) -> list[Transcribed]:
    pairs = zip(recordings, texts, strict=True)
    return [Transcribed(each, transcription.Answer(text, 0.0), None) for each, text in pairs]
