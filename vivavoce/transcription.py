"""`vivavoce transcribe`: the pipeline in this process."""

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tqdm import tqdm

from engines import cuda, in_process
from pipeline.formats import export
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Samples, Segment, Transcript, Turn
from services import schemas as public
from services.schemas import lines
from settings import Settings
from vivavoce import printing


def transcribe(samples: Samples, name: str, settings: Settings, options: Options) -> Transcript:
    """Process a recording with a progress bar on stderr."""
    logging.getLogger("pyannote").setLevel(logging.ERROR)
    stages = in_process.load(settings, device="cuda" if cuda.available() else "cpu")
    for note in stages.notes:
        print(note, file=sys.stderr)
    with tqdm(total=100, unit="%", bar_format="{desc:<22}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}", leave=False) as bar:

        async def progress(stage: str, fraction: float) -> None:
            bar.set_description(stage, refresh=False)
            bar.update(max(0.0, 100 * fraction - bar.n))

        transcript = asyncio.run(process(samples, len(samples) / SAMPLE_RATE, stages, options, progress))
    if not transcript.segments:
        print(f"No speech was found in {name}.", file=sys.stderr)
    return transcript


def render(transcript: Transcript, file: Path, format: str | None) -> str:
    """The transcript in a format of `pipeline.formats.export`, as `json`, or as text for a terminal."""
    found = conversation(transcript, file)
    if format == "json":
        return found.model_dump_json(indent=2)
    if format is None:
        return printing.transcript(found.model_dump())
    names = speaker_names(transcript)
    turns = [Turn(turn.start, turn.end, names.get(turn.speaker, turn.speaker)) for turn in transcript.turns]
    return export.FORMATS[format].render(export.Transcript(file.stem, lines(found), turns))


def conversation(transcript: Transcript, file: Path) -> public.Conversation:
    """The transcript as the API returns it, for an archive with this conversation only."""
    start = datetime.now(UTC)
    names = speaker_names(transcript)
    ids = {label: number for number, label in enumerate(names, 1)}
    segments = [_segment(i, s, names[s.speaker], ids[s.speaker], start) for i, s in enumerate(transcript.segments, 1)]
    return public.Conversation(
        id=1,
        title=file.name,
        start_time=start,
        end_time=start + timedelta(seconds=transcript.duration),
        duration=transcript.duration,
        status="completed",
        audio_format=file.suffix.lstrip(".").lower(),
        num_segments=len(segments),
        num_speakers=len(names),
        language=transcript.language,
        transcript_segments=segments,
    )


def speaker_names(transcript: Transcript) -> dict[str, str]:
    """`Unknown_01`, `Unknown_02`, … for the diarizer's labels, in the order of their first segments."""
    labels = dict.fromkeys(segment.speaker for segment in transcript.segments)
    return {label: f"Unknown_{number:02d}" for number, label in enumerate(labels, 1)}


def _segment(number: int, segment: Segment, name: str, speaker: int, start: datetime) -> public.Segment:
    emotion = segment.emotion
    return public.Segment(
        id=number,
        conversation_id=1,
        speaker_id=speaker,
        speaker_name=name,
        text=segment.text,
        start_time=start + timedelta(seconds=segment.start),
        end_time=start + timedelta(seconds=segment.end),
        start_offset=segment.start,
        end_offset=segment.end,
        confidence=None,
        overlap=segment.overlap,
        emotion_category=emotion and emotion.label,
        emotion_confidence=emotion and emotion.confidence,
        words=[public.Word(word=w.text, start=w.start, end=w.end, probability=w.probability) for w in segment.words],
        avg_logprob=segment.avg_logprob,
    )
