"""Names of speakers: enrolled speakers, and speakers with a sample in the request."""

import base64

import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranscriptionDiarized

from pipeline.types import Samples, Span, Voiceprint
from tests.api.openai.conftest import Served
from tests.storage.transcripts import MODEL, voice
from tests.support.fixed_stages import FixedStages, sound

FILE = ("call.wav", sound())
SAMPLE = f"data:audio/wav;base64,{base64.b64encode(sound()).decode()}"


async def speaker(client: AsyncOpenAI, names: list[str] | None = None, samples: list[str] | None = None) -> str:
    found = await client.audio.transcriptions.create(
        file=FILE,
        model="gpt-4o-transcribe-diarize",
        response_format="diarized_json",
        known_speaker_names=names or [],
        known_speaker_references=samples or [],
    )
    assert isinstance(found, TranscriptionDiarized)
    return found.segments[0].speaker


async def enroll(served: Served, name: str) -> None:
    answer = await served.application.client.post("/speakers/enroll", data={"name": name}, files={"audio_file": FILE})
    assert answer.status_code == 200


async def test_an_enrolled_speaker_is_recognised(client: AsyncOpenAI, served: Served) -> None:
    assert await speaker(client) == "A"
    await enroll(served, "Alice")
    assert await speaker(client) == "Alice"
    assert await speaker(client, ["Alice"]) == "Alice"
    assert await speaker(client, [" al\u200bice\ufeff "]) == "Alice"
    speakers = (await served.application.client.get("/speakers")).json()
    assert [(one["name"], one["segment_count"]) for one in speakers] == [("Alice", 0)]


async def test_a_sample_gives_a_name_in_this_request_alone(client: AsyncOpenAI, served: Served) -> None:
    assert await speaker(client, ["Bo"], [SAMPLE]) == "Bo"
    assert await speaker(client) == "A"
    await enroll(served, "Alice")
    assert await speaker(client, ["Bo"], [SAMPLE]) == "Bo"  # the client's name goes first
    assert await speaker(client, ["Bo", "Alice"], [SAMPLE]) == "Bo"


async def test_a_sample_of_somebody_else_gives_none(
    client: AsyncOpenAI, served: Served, stages: FixedStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = iter([voice(2), voice(1)])

    async def embed(_audio: Samples, _spans: object, _known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(next(voices), MODEL)  # the sample's, then the recording's

    monkeypatch.setattr(stages, "embed", embed)
    assert await speaker(client, ["Bo"], [SAMPLE]) == "A"


async def test_new_voices_do_not_get_the_letter_of_a_known_name(
    client: AsyncOpenAI, stages: FixedStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = iter([voice(2), voice(1)])

    async def embed(_audio: Samples, _spans: list[Span], _known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(next(voices), MODEL)

    monkeypatch.setattr(stages, "embed", embed)
    assert await speaker(client, ["A"], [SAMPLE]) == "B"
