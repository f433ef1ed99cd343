"""`vivavoce transcribe`: the pipeline in this process."""

import asyncio
import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tqdm import tqdm

from engines import cuda, in_process
from media.separation import Loaded
from pipeline.channels import process_channels
from pipeline.formats import export
from pipeline.process import Options
from pipeline.transcript import unstored
from pipeline.types import SAMPLE_RATE, ConversationSegment, Samples, Transcript, Turn
from services import schemas
from services.recordings import Audio
from settings import Settings
from vivavoce import printing


def transcribe(loaded: Loaded, name: str, settings: Settings, options: Options) -> Transcript:
    """Process a recording with a progress bar on stderr."""
    logging.getLogger("pyannote").setLevel(logging.ERROR)
    stages = in_process.load(settings, device="cuda" if cuda.available() else "cpu", model=options.decoding.model)
    for note in stages.notes:
        print(note, file=sys.stderr)
    with tqdm(total=100, unit="%", bar_format="{desc:<22}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}", leave=False) as bar:

        async def progress(stage: str, fraction: float) -> None:
            bar.set_description(stage, refresh=False)
            bar.update(max(0.0, 100 * fraction - bar.n))

        async def load(samples: Samples) -> Audio:
            return Audio(samples, len(samples) / SAMPLE_RATE)

        channels = [partial(load, samples) for samples in loaded.channels]
        transcript = asyncio.run(process_channels(channels, stages, options, progress))
    transcript = replace(transcript, notes=(*loaded.notes, *transcript.notes))
    if not transcript.segments:
        print(f"No speech was found in {name}.", file=sys.stderr)
    for remark in transcript.notes:
        at = "" if remark.start is None else f"{printing.clock(remark.start)}  "
        print(f"{at}{remark.message}", file=sys.stderr)
    return transcript


def render(transcript: Transcript, file: Path, format: str | None, *, words: bool = True) -> str:
    """The transcript in a format of `pipeline.formats.export`, as `json`, or as text for a terminal.

    `words`: with those of each segment, in `json`.
    """
    start = datetime.now(UTC)
    if format == "json":
        return conversation(transcript, file, start).with_words(words).model_dump_json(indent=2)
    if format is None:
        return printing.transcript(conversation(transcript, file, start).model_dump())
    names = speaker_names(transcript)
    turns = [Turn(turn.start, turn.end, names.get(turn.speaker, turn.speaker)) for turn in transcript.turns]
    return export.FORMATS[format].render(export.ExportInput(file.stem, segments(transcript, start), turns))


def conversation(transcript: Transcript, file: Path, start: datetime) -> schemas.Conversation:
    """The transcript as the API returns it, for an archive with this conversation only."""
    return schemas.Conversation(
        id=1,
        title=file.name,
        start_time=start,
        end_time=start + timedelta(seconds=transcript.duration),
        duration=transcript.duration,
        status="completed",
        audio_format=file.suffix.lstrip(".").lower(),
        num_segments=len(transcript.segments),
        num_speakers=len(speaker_names(transcript)),
        language=transcript.language,
        languages=unstored.languages(transcript),
        hotwords=list(transcript.hotwords),
        notes=[schemas.Note.model_validate(note) for note in transcript.notes],
        transcript_segments=[schemas.Segment.model_validate(segment) for segment in segments(transcript, start)],
    )


def speaker_names(transcript: Transcript) -> dict[str, str]:
    """`Unknown_01`, `Unknown_02`, … for the diarizer's labels, in the order of their first segments."""
    labels = dict.fromkeys(segment.speaker for segment in transcript.segments)
    return {label: f"Unknown_{number:02d}" for number, label in enumerate(labels, 1)}


def segments(transcript: Transcript, start: datetime) -> list[ConversationSegment]:
    """The segments under `speaker_names`, of a recording that starts at `start`."""
    return unstored.segments(transcript, speaker_names(transcript), start)
