"""Errors have OpenAI's form, so that the `openai` package raises its own exceptions with their fields."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from pipeline.access import Role
from pipeline.stages import Stages
from services import transcription
from settings import Settings
from storage.postgres.database import Database
from tests.api.openai.conftest import Served, official, serve
from tests.support.fixed_stages import FixedStages, sound
from tests.support.principals import program

FILE = ("call.wav", sound())
PUNYCODE = b'--x\r\nContent-Disposition: form-data; name="known_speaker_names"\r\n\r\nAnn\r\n--x--\r\n'
"""A form with a name that is none in this encoding."""
IN_PUNYCODE = {"Content-Type": "multipart/form-data; boundary=x; charset=punycode"}


WRONG: list[tuple[dict[str, Any], str | None]] = [
    ({"temperature": 2}, "temperature"),
    ({"response_format": "mp3"}, "response_format"),
    ({"language": "klingon"}, "language"),
    ({"timestamp_granularities": ["word"]}, None),
    ({"include": ["logprobs"], "response_format": "text"}, None),
    ({"stream": True, "response_format": "srt"}, None),
    ({"extra_body": {"num_speakers": 2, "min_speakers": 3}}, None),
    ({"known_speaker_references": ["data:audio/wav;base64,AAAA"]}, None),
    ({"known_speaker_names": ["Ann"], "known_speaker_references": ["http://example.org/a.wav"]}, "known_speaker_references"),
    ({"known_speaker_names": ["Ann"], "known_speaker_references": ["data:audio/wav;base64,AAAA"]}, "known_speaker_names"),
    ({"known_speaker_names": ["Nobody"]}, "known_speaker_names"),
    ({"known_speaker_names": ["\u200b"]}, "known_speaker_names"),
    ({"file": ("call.wav", b"no sound")}, "file"),
    ({"file": ("call.wav", b"")}, "file"),
]


async def test_a_field_that_is_wrong(client: AsyncOpenAI) -> None:
    for fields, param in WRONG:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.transcriptions.create(**{"file": FILE, "model": "whisper-1"} | fields)
        found = refused.value
        assert (found.status_code, found.param, found.type) == (400, param, "invalid_request_error"), fields


async def test_a_model_that_does_not_exist(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.audio.transcriptions.create(file=FILE, model="gpt-5")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.models.retrieve("owner/name")
    assert unknown.value.code == "model_not_found"


async def test_routes_and_bodies(client: AsyncOpenAI, served: Served) -> None:
    with pytest.raises(openai.APIStatusError) as large:
        await client.audio.transcriptions.create(file=("call.wav", bytes(3 << 20)), model="whisper-1")
    assert (large.value.status_code, "MAX_UPLOAD_MB" in large.value.message) == (413, True)
    with pytest.raises(openai.NotFoundError):
        await client.get("/nothing", cast_to=object)
    url = f"{served.address}/v1/audio/transcriptions"
    async with httpx.AsyncClient(timeout=120) as http:
        answers = [
            await http.post(url, json={"model": "whisper-1"}),
            await http.post(url, content=b"x", headers={"Content-Type": "multipart/form-data"}),
            await http.post(url, content=PUNYCODE, headers=IN_PUNYCODE),
            await http.post(url, data={"model": "whisper-1"}, files={"file": FILE, "other": FILE}),
            await http.post(url, files={"model": (None, b"whisper-1"), "file": (None, b"text")}),
            await http.post(url, files={"file": FILE}),
            await http.post(url, data={"model": "whisper-1", "prompt": "x" * 9_000_000}, files={"file": FILE}),
            await http.get(url),
            await http.get(f"{served.address}/v1/models", headers={"Host": "attacker.example"}),
        ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 400, 413, 405, 403]
    for answer in answers:
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
        assert answer.json()["error"]["message"]


async def test_a_stage_that_fails(client: AsyncOpenAI, stages: FixedStages, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def fail(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("The model is broken.")

    monkeypatch.setattr(stages, "transcribe", fail)
    with pytest.raises(openai.InternalServerError) as failed:
        await client.with_options(max_retries=2).audio.transcriptions.create(file=FILE, model="whisper-1")
    assert calls == 1
    assert failed.value.type == "server_error"
    assert failed.value.message.endswith("Audio processing failed: The model is broken.")
    stream = await client.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True)
    with pytest.raises(openai.APIError, match=r"The model is broken\."):
        async for _ in stream:
            pass
    monkeypatch.undo()
    assert (await client.audio.transcriptions.create(file=FILE, model="whisper-1")).text


async def test_too_many_at_a_time(client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "MAX_CONCURRENT", 0)
    monkeypatch.setattr(transcription, "MAX_WAITING", 0)
    with pytest.raises(openai.RateLimitError) as busy:
        await client.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert busy.value.code == "rate_limit_exceeded"
    assert int(busy.value.response.headers["retry-after"]) > 0


@pytest.fixture
async def guarded(database: Database, database_url: str, tmp_path: Path, stages: FixedStages) -> AsyncIterator[Served]:
    settings = Settings(speaker_threshold=0.5, auth="required")
    async with serve(settings, database_url, tmp_path, Stages(stages, stages, stages, stages)) as served:
        yield served


async def test_keys_and_roles(guarded: Served, database: Database) -> None:
    reader, writer = await program(database, "r", Role.READER), await program(database, "w", Role.WRITER)
    async with official(guarded, "sk-any") as client:
        for key in ("sk-any", "vv_" + "x" * 43):
            with pytest.raises(openai.AuthenticationError) as refused:
                await client.with_options(api_key=key).models.list()
            assert refused.value.code == "invalid_api_key"
        assert await client.with_options(api_key=reader.api_key).models.list()
        with pytest.raises(openai.PermissionDeniedError) as denied:
            await client.with_options(api_key=reader.api_key).audio.transcriptions.create(file=FILE, model="whisper-1")
        assert "role 'writer'" in denied.value.message
        found = await client.with_options(api_key=writer.api_key).audio.transcriptions.create(file=FILE, model="whisper-1")
        assert found.text


async def test_where_no_key_is_required_a_wrong_key_of_ours_is_refused(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="vv_nothing").models.list()
