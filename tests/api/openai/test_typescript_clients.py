"""Transcriptions, requested by `openai` for TypeScript, and by the AI SDK, which validates answers by its own schemas."""

import base64
from typing import Any

import pytest

from tests.api.openai.conftest import Served
from tests.support.fixed_stages import SECONDS, sound
from tests.support.node import installed, node

SENTENCE = "The parrot is dead."


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    installed()


async def test_typescript_clients(served: Served) -> None:
    recording = base64.b64encode(sound()).decode()
    found: Any = await node("transcribe.mjs", f"{served.address}/v1", "none", typed=recording)
    assert "whisper-1" in found["models"]
    formats = found["formats"]
    assert {formats[name]["text"] for name in ("json", "verbose_json", "diarized_json")} == {SENTENCE}
    assert all(SENTENCE in formats[name] for name in ("text", "srt", "vtt"))
    assert [word["word"] for word in formats["verbose_json"]["words"]] == SENTENCE.split()
    assert formats["diarized_json"]["segments"][0]["speaker"] == "A"
    assert [event["type"] for event in found["events"]] == [
        "transcript.text.delta",
        "transcript.text.segment",
        "transcript.text.done",
    ]
    assert found["known"] == "Ann"
    assert found["errors"] == {
        "NotFoundError": {"status": 404, "code": "model_not_found", "param": "model", "type": "invalid_request_error"},
        "BadRequestError": {"status": 400, "code": None, "param": "temperature", "type": "invalid_request_error"},
    }
    for model in ("whisper-1", "gpt-4o-transcribe"):
        assert found[model]["text"] == SENTENCE
    assert (found["whisper-1"]["language"], found["whisper-1"]["durationInSeconds"]) == ("en", SECONDS)
    assert [segment["text"] for segment in found["whisper-1"]["segments"]] == [SENTENCE]
