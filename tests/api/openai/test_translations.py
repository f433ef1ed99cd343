"""Translations, prompts and keywords, requested by the official `openai` package."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranslationVerbose

from pipeline.decoding import Decoding
from services.context import AppContext
from tests.api.openai.conftest import Served
from tests.support.fixed_stages import SECONDS, RecordingStages, sound

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # of the resource, by the package itself
FILE = ("call.wav", sound())
SENTENCE = "The parrot is dead."


@pytest.fixture
def stages() -> RecordingStages:
    return RecordingStages()


async def test_formats(client: AsyncOpenAI, stages: RecordingStages) -> None:
    create = client.audio.translations.create
    assert (await create(file=FILE, model="whisper-1")).text == SENTENCE
    found = await create(file=FILE, model="whisper-1", response_format="verbose_json", prompt="A sketch.")
    assert isinstance(found, TranslationVerbose)
    assert (found.text, found.language, found.duration) == (SENTENCE, "english", SECONDS)
    assert found.segments is not None
    assert found.segments[0].text == SENTENCE
    for format, begins in (("text", SENTENCE), ("srt", "1\n00:00:00,000"), ("vtt", "WEBVTT\n")):
        asked: Any = {"response_format": format}
        assert str(await create(file=FILE, model="whisper-1", **asked)).startswith(begins)
    assert {decoding.task for decoding in stages.decodings} == {"translate"}
    assert stages.decodings[1].initial_prompt == "A sketch."
    with pytest.raises(openai.BadRequestError) as refused:
        await create(file=FILE, model="whisper-1", extra_body={"response_format": "diarized_json"})
    assert refused.value.param == "response_format"


async def test_models_that_do_not_translate_say_so(
    client: AsyncOpenAI, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("large-v3-turbo", "distil-large-v3", "base.en"):

        async def status(model: str = model) -> dict[str, dict[str, str]]:
            return {"transcriber": {"model": model}}

        context: AppContext = served.application.app.state.context
        monkeypatch.setattr(context.models, "stage_status", status)
        with pytest.raises(openai.BadRequestError, match="does not translate") as refused:
            await client.audio.translations.create(file=FILE, model="whisper-1")
        assert refused.value.param == "model"


async def test_prompt_and_keywords(client: AsyncOpenAI, stages: RecordingStages) -> None:
    await client.audio.transcriptions.create(file=FILE, model="whisper-1", prompt="A\nsketch.", keywords=["parrot", "Polly"])
    assert stages.decodings == [Decoding("transcribe", "parrot, Polly", "A sketch.")]
