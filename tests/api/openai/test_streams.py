"""Transcriptions as server-sent events."""

import asyncio
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent, TranscriptionTextSegmentEvent

from pipeline.decoding import Decoding
from pipeline.types import Samples, Span, Utterance, Word
from tests.api.openai.conftest import Served, official
from tests.support.fixed_stages import FixedStages, sound

FILE = ("call.wav", sound())
TEXT = "The parrot is dead. It is no more."


@pytest.fixture
def two_sentences(stages: FixedStages, monkeypatch: pytest.MonkeyPatch) -> None:
    async def transcribe(_audio: Samples, _window: Span, language: str | None, _decoding: Decoding) -> list[Utterance]:
        words = [Word(f" {text}", i / 2, i / 2 + 0.4, 0.9) for i, text in enumerate(TEXT.split())]
        return [Utterance(tuple(words), -0.2, language or "en")]

    monkeypatch.setattr(stages, "transcribe", transcribe)


@pytest.mark.usefixtures("two_sentences")
async def test_deltas_are_the_text(client: AsyncOpenAI) -> None:
    for format in ("json", "text", "diarized_json"):
        asked: Any = {"response_format": format}
        stream = await client.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True, **asked)
        events = [event async for event in stream]
        deltas = [event for event in events if isinstance(event, TranscriptionTextDeltaEvent)]
        segments = [event for event in events if isinstance(event, TranscriptionTextSegmentEvent)]
        assert isinstance(events[-1], TranscriptionTextDoneEvent)
        assert (len(deltas), len(events)) == (2, len(deltas) + len(segments) + 1)
        assert "".join(event.delta for event in deltas) == events[-1].text == TEXT
        assert events[-1].to_dict()["languages"] == [{"code": "en"}]
        if format == "diarized_json":
            assert [event.id for event in segments] == [event.segment_id for event in deltas]
            spoken = [(event.speaker, event.text) for event in segments]
            assert spoken == [("A", "The parrot is dead."), ("A", "It is no more.")]
        else:
            assert segments == []


async def test_probabilities(client: AsyncOpenAI) -> None:
    stream = await client.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True, include=["logprobs"])
    *deltas, done = [event async for event in stream]
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.logprobs is not None
    assert [one.token for one in done.logprobs] == [
        one.token for event in deltas if isinstance(event, TranscriptionTextDeltaEvent) for one in event.logprobs or ()
    ]


async def test_a_file_without_sound_is_refused_before_the_stream(served: Served) -> None:
    async with httpx.AsyncClient(timeout=120) as http:
        fields = {"model": "whisper-1", "stream": "true"}
        answer = await http.post(f"{served.address}/v1/audio/transcriptions", data=fields, files={"file": ("a.wav", b"x")})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "file"


@pytest.mark.parametrize("stream", [False, True])
async def test_work_ends_when_the_client_is_gone(
    served: Served, stages: FixedStages, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(*_: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(stages, "transcribe", hang)
    async with official(served) as client:

        async def ask() -> None:
            found: Any = await client.audio.transcriptions.create(file=FILE, model="whisper-1", stream=stream)
            async for _ in found:
                pass

        asked = asyncio.create_task(ask())
        await begun.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    await ended.wait()
    assert not served.kept()
