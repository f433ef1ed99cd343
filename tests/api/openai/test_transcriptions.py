"""Transcriptions, requested by the official `openai` package."""

import openai
import pytest
from openai import AsyncOpenAI

from tests.api.openai.conftest import Served
from tests.support.fixed_stages import SECONDS, sound

SENTENCE = "The parrot is dead."


async def test_json_is_the_default(client: AsyncOpenAI) -> None:
    found = await client.audio.transcriptions.create(file=("call.wav", sound()), model="whisper-1")
    assert found.text == SENTENCE
    assert found.usage is not None
    assert found.usage.type == "duration"
    assert found.usage.seconds == SECONDS


async def test_nothing_is_kept(client: AsyncOpenAI, served: Served) -> None:
    await client.audio.transcriptions.create(file=("call.wav", sound()), model="whisper-1")
    get = served.application.client.get
    assert (await get("/conversations")).json()["total"] == 0
    assert (await get("/speakers")).json() == []
    assert (await get("/jobs")).json()["total"] == 0


async def test_models(client: AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]
    assert [model.id for model in models][:2] == ["whisper", "whisper-1"]
    assert all(model.object == "model" and model.owned_by and model.created for model in models)
    assert (await client.models.retrieve("whisper-1")).id == "whisper-1"
    with pytest.raises(openai.NotFoundError) as refused:
        await client.models.retrieve("gpt-5")
    assert refused.value.code == "model_not_found"


async def test_errors_have_the_form_of_openai(client: AsyncOpenAI) -> None:
    create = client.audio.transcriptions.create
    with pytest.raises(openai.NotFoundError) as unknown:
        await create(file=("call.wav", sound()), model="gpt-5")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as silent:
        await create(file=("call.wav", b"no sound"), model="whisper-1")
    assert (silent.value.param, silent.value.type) == ("file", "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as invalid:
        await create(file=("call.wav", sound()), model="whisper-1", temperature=2)
    assert invalid.value.param == "temperature"
    with pytest.raises(openai.APIStatusError) as large:
        await create(file=("call.wav", bytes(3 << 20)), model="whisper-1")
    assert large.value.status_code == 413
    assert "MAX_UPLOAD_MB" in large.value.message
    stranger = client.with_options(api_key="vv_nothing")
    with pytest.raises(openai.AuthenticationError) as refused:
        await stranger.models.list()
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError):
        await client.get("/nothing", cast_to=object)
