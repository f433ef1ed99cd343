"""Recordings on which stages fail, sent through the job queue, and how each door shows what was lost."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.transcript import windows
from pipeline.types import Diarization, Observation, Samples, Span, SpeakerHint, Turn, Utterance, Word
from services import queue_worker
from settings import Settings
from storage.jobs import jobs
from storage.postgres.database import Database
from tests.api.test_worker import arrives, send
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound

SHARD_S = 20.0
"""As if shards were shorter, so that the recording can be."""
LENGTH_S = 3 * SHARD_S
SHAPES = RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x0 and 80x512)")


class Long(FixedStages):
    """One sentence in each shard of a long recording. Windows and shards that begin at one of the times in `bad` fail."""

    def __init__(self) -> None:
        self.bad: set[float] = set()
        self.calls = 0

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        return [Span(1, 6), Span(25, 30), Span(49, 54)]

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self._check(window)
        return [Utterance((Word(f" At {window.start:.0f}.", window.start, window.start + 2, 0.9),), -0.2, "en")]

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        self._check(shard)
        return await super().observe(audio, shard, progress)

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        shards = [number * SHARD_S for number in range(3) if number * SHARD_S not in self.bad]
        turns = tuple(Turn(start + 0.5, start + SHARD_S - 0.5, "SPEAKER_00") for start in shards)
        return Diarization(turns, turns)

    def _check(self, span: Span) -> None:
        self.calls += 1
        if span.start in self.bad:
            raise SHAPES


@pytest.fixture
def stages() -> Long:
    return Long()


@pytest.fixture
async def application(
    database: Database, database_url: str, tmp_path: Path, stages: Long, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Application]:
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr(jobs, "BACKOFF_S", 0.05)
    monkeypatch.setattr(windows, "SHARD_S", SHARD_S)
    settings = Settings(speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


async def test_a_fault_that_recurs_ends_the_job_after_one_repetition(application: Application, stages: Long) -> None:
    stages.bad = {1, 25, 49}
    failed = await arrives(application, await send(application, LENGTH_S), "failed")
    assert (failed["attempts"], failed["error"]) == (2, str(SHAPES))


async def test_a_window_that_fails_costs_the_others_nothing(application: Application, stages: Long) -> None:
    stages.bad = {25}
    done = await arrives(application, await send(application, LENGTH_S), "completed")
    assert (done["attempts"], done["error"]) == (1, None)
    found = (await application.client.get(f"/conversations/{done['conversation_id']}")).json()
    assert [(segment["text"], segment["speaker_name"]) for segment in found["segments"]] == [
        ("At 1.", "Unknown_01"),
        ("At 49.", "Unknown_01"),
    ]
    (note,) = [note for note in found["notes"] if str(SHAPES) in note["message"]]
    assert (note["kind"], note["start"], note["end"]) == ("left_out", 25.0, 30.0)
    assert note["message"] == f"What is said here was left out, as it could not be transcribed: {SHAPES}"


async def test_a_shard_that_fails_costs_the_others_nothing(application: Application, stages: Long) -> None:
    """Its words belong to a speaker of their own, who is not stored as a person."""
    stages.bad = {SHARD_S}
    done = await arrives(application, await send(application, LENGTH_S), "completed")
    assert done["attempts"] == 1
    found = (await application.client.get(f"/conversations/{done['conversation_id']}")).json()
    assert [segment["text"] for segment in found["segments"]] == ["At 1.", "At 25.", "At 49."]
    first, unknown, last = (segment["speaker_name"] for segment in found["segments"])
    assert first == last == "Unknown_01"
    assert unknown != first
    assert len((await application.client.get("/speakers")).json()) == 1
    (note,) = [note for note in found["notes"] if str(SHAPES) in note["message"]]
    assert (note["kind"], note["start"], note["end"]) == ("speakers", SHARD_S, 2 * SHARD_S)


async def test_mcp_and_clients_of_openai_show_what_was_lost(application: Application, stages: Long) -> None:
    stages.bad = {25}
    done = await arrives(application, await send(application, LENGTH_S), "completed")
    call = {"name": "get_conversation", "arguments": {"conversation_id": done["conversation_id"]}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    async with application.app.router.lifespan_context(application.app):  # MCP
        answer = (await application.client.post("http://localhost/mcp", json=request)).json()
    notes = json.loads(answer["result"]["content"][0]["text"])["notes"]
    assert f"25.0 to 30.0 s: What is said here was left out, as it could not be transcribed: {SHAPES}" in notes
    url, form = "http://localhost/v1/audio/transcriptions", {"model": "whisper-1", "response_format": "verbose_json"}
    transcription = await application.client.post(url, data=form, files={"file": ("call.wav", sound(LENGTH_S))})
    assert transcription.status_code == 200
    (told,) = [note for note in transcription.json()["notes"] if str(SHAPES) in note["message"]]
    assert (told["kind"], told["start"], told["end"]) == ("left_out", 25.0, 30.0)
