"""A telephone call, transcribed by the real models for the official client."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranscriptionDiarized

from engines.in_process import LocalStages
from media.decoding import decode
from media.encoding import wav_bytes
from pipeline.types import SAMPLE_RATE
from settings import Settings
from storage.postgres.database import Database
from tests.api.openai.conftest import official, serve
from vivavoce.sample import recording as telephone_call

REFERENCE = telephone_call().with_suffix(".rttm")
"""The reference turns of the call, published with the recording."""
RIGHT = 0.9
"""Share of the speech, by time, that the right person's name must have."""


@pytest.fixture
async def client(database: Database, database_url: str, tmp_path: Path, real_stages: LocalStages) -> AsyncIterator[AsyncOpenAI]:
    model = real_stages.embedder.engine.model  # type: ignore[attr-defined]
    async with (
        serve(Settings(), database_url, tmp_path, real_stages, model) as served,
        official(served) as client,
    ):
        yield client


def turns() -> list[tuple[str, float, float]]:
    rows = [row.split() for row in REFERENCE.read_text().splitlines()]
    return [(row[7], float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def who_speaks(start: float, end: float) -> str:
    """Who speaks most between two times, by the reference."""
    spoken: dict[str, float] = {}
    for who, since, until in turns():
        spoken[who] = spoken.get(who, 0.0) + max(0.0, min(until, end) - max(since, start))
    return max(spoken, key=spoken.__getitem__)


async def test_the_speakers_of_samples_get_their_names(client: AsyncOpenAI) -> None:
    call = await asyncio.to_thread(telephone_call().read_bytes)
    samples = decode(telephone_call(), max_duration=60)
    longest = {who: (start, end) for who, start, end in sorted(turns(), key=lambda turn: turn[2] - turn[1])}
    cut = {who: samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)] for who, (start, end) in longest.items()}
    found = await client.audio.transcriptions.create(
        file=("call.wav", call),
        model="gpt-4o-transcribe-diarize",
        response_format="diarized_json",
        language="en",
        known_speaker_names=list(cut),
        known_speaker_references=[f"data:audio/wav;base64,{base64.b64encode(wav_bytes(one)).decode()}" for one in cut.values()],
    )
    assert isinstance(found, TranscriptionDiarized)
    assert {segment.speaker for segment in found.segments} == set(cut)
    # Not each segment: where both say "Hello", some processors' arithmetic makes one segment of the two.
    lengths = {segment.id: segment.end - segment.start for segment in found.segments}
    right = sum(lengths[segment.id] for segment in found.segments if segment.speaker == who_speaks(segment.start, segment.end))
    assert right / sum(lengths.values()) >= RIGHT
    assert "originally from Chicago" in found.text
