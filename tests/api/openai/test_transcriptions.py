"""Transcriptions, requested by the official `openai` package."""

import gc
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranscriptionDiarized, TranscriptionVerbose
from openai.types.audio.transcription_diarized_segment import TranscriptionDiarizedSegment

from tests.api.openai.conftest import Served
from tests.support.fixed_stages import SECONDS, sound

SENTENCE = "The parrot is dead."
FILE = ("call.wav", sound())


async def test_json_is_the_default(client: AsyncOpenAI) -> None:
    found = await client.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert found.text == SENTENCE
    assert found.usage is not None
    assert found.usage.type == "duration"
    assert found.usage.seconds == SECONDS
    assert found.logprobs is None
    assert found.to_dict()["languages"] == [{"code": "en"}]
    probable = await client.audio.transcriptions.create(file=FILE, model="whisper-1", include=["logprobs"])
    assert probable.logprobs is not None
    assert "".join(one.token or "" for one in probable.logprobs).strip() == SENTENCE
    assert [bytes(map(int, one.bytes or ())).decode() for one in probable.logprobs] == [one.token for one in probable.logprobs]
    assert all(one.logprob == pytest.approx(-0.105, abs=1e-3) for one in probable.logprobs)


async def test_verbose_json(client: AsyncOpenAI) -> None:
    for granularities in ([], ["segment"], ["word"], ["word", "segment"]):
        more: Any = {"timestamp_granularities": granularities} if granularities else {}
        found = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="verbose_json", **more)
        assert isinstance(found, TranscriptionVerbose)
        assert (found.text, found.language, found.duration) == (SENTENCE, "english", SECONDS)
        assert bool(found.segments) is (granularities != ["word"])
        assert bool(found.words) is ("word" in granularities)
        if found.segments:
            (one,) = found.segments
            assert (one.id, one.start, one.end, one.text, one.seek) == (0, 0.0, 3.9, SENTENCE, 0)
            assert one.avg_logprob == pytest.approx(-0.2)
            assert 0 < one.compression_ratio < 2.4
            assert one.to_dict()["emotion"] == "sad"
            assert one.to_dict()["speaker"] == "A"
            assert one.to_dict()["language"] == "en"
        if found.words:
            assert [(word.word, word.start, word.end) for word in found.words[:2]] == [("The", 0.0, 0.9), ("parrot", 1.0, 1.9)]


async def test_diarized_json(client: AsyncOpenAI) -> None:
    found = await client.audio.transcriptions.create(
        file=FILE, model="gpt-4o-transcribe-diarize", response_format="diarized_json", chunking_strategy="auto"
    )
    assert isinstance(found, TranscriptionDiarized)
    assert (found.task, found.text, found.duration) == ("transcribe", SENTENCE, SECONDS)
    (one,) = found.segments
    assert isinstance(one, TranscriptionDiarizedSegment)
    assert (one.type, one.id, one.speaker, one.text) == ("transcript.text.segment", "seg_1", "A", SENTENCE)


async def test_text_and_subtitles_are_strings(client: AsyncOpenAI) -> None:
    expected = {
        "text": f"{SENTENCE}\n",
        "srt": f"1\n00:00:00,000 --> 00:00:03,900\n{SENTENCE}\n",
        "vtt": f"WEBVTT\n\n00:00:00.000 --> 00:00:03.900\n{SENTENCE}\n",
    }
    for format, text in expected.items():
        asked: Any = {"response_format": format}
        assert await client.audio.transcriptions.create(file=FILE, model="whisper-1", **asked) == text


async def test_nothing_is_kept(client: AsyncOpenAI, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="diarized_json")
    get = served.application.client.get
    assert (await get("/conversations")).json()["total"] == 0
    assert (await get("/speakers")).json() == []
    assert (await get("/jobs")).json()["total"] == 0
    assert not served.kept()
    gc.collect()
    assert list(temporary.iterdir()) == []


async def test_fields_are_understood_without_brackets_and_others_are_ignored(served: Served) -> None:
    """As curl and other programs send them."""
    fields = [
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities", "word"),
        ("timestamp_granularities[]", "segment"),
        ("chunking_strategy[type]", "server_vad"),
        ("chunking_strategy[threshold]", "0.5"),
        ("languages", "de-DE"),
        ("keywords[]", "parrot"),
        ("num_speakers", "1"),
        ("user", "somebody"),
    ]
    parts = [(name, (None, value.encode())) for name, value in fields]
    async with httpx.AsyncClient(timeout=120) as http:
        answer = await http.post(f"{served.address}/v1/audio/transcriptions", files=[*parts, ("file", FILE)])
    found = answer.json()
    assert answer.status_code == 200
    assert (found["language"], len(found["words"]), len(found["segments"])) == ("german", 4, 1)
    assert found["task"] == "transcribe"


async def test_models(client: AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]
    assert [model.id for model in models][:2] == ["whisper-base", "whisper-1"]
    assert all(model.object == "model" and model.owned_by and model.created for model in models)
    assert (await client.models.retrieve("whisper-1")).id == "whisper-1"


async def test_what_was_left_out_is_said(client: AsyncOpenAI) -> None:
    found = await client.audio.transcriptions.create(file=FILE, model="whisper-1", extra_body={"num_speakers": 5})
    said: Any = found.to_dict()
    (note,) = said["notes"]
    assert "5" in note["message"]
