"""Recordings with different speech in each channel, and recordings with channels that cancel each other."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import (
    SAMPLE_RATE,
    Diarization,
    Observation,
    Samples,
    Span,
    SpeakerHint,
    Turn,
    Utterance,
    Voiceprint,
    Word,
)
from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL, voice
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages

LOUD = 0.2
"""Between the levels of the two persons."""


class Hearing(FixedStages):
    """Stages for a quiet and a loud speaker: samples above a level are speech, and the peak level identifies the speaker."""

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        loud = np.flatnonzero(np.abs(audio) > 0.02)
        return [Span(loud[0] / SAMPLE_RATE, loud[-1] / SAMPLE_RATE)] if len(loud) else []

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        who = "boss" if np.abs(audio).max() > LOUD else "clerk"
        words = [Word(f" {who}{i}", window.start + i / 2, window.start + (i + 0.9) / 2, 0.9) for i in range(4)]
        return [Utterance(tuple(words), -0.2, language or "en")]

    async def observe(self, audio: Samples, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        times = [[speech.start, speech.end] for speech in await self.find_speech(audio)]
        return Observation(np.zeros((1, 1, 1), np.uint8), np.array(times, np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        turns = tuple(Turn(start, end, "SPEAKER_00") for start, end in observations[0].embeddings.tolist())
        return Diarization(turns, turns)

    async def embed(self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(voice(1 if np.abs(audio).max() > LOUD else 2), MODEL)

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [await self.embed(audio, spans) for _ in spans]


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    stages = Hearing()
    settings = Settings(speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


def speech(start: float, end: float, level: float) -> Samples:
    """Noise from `start` to `end`, with pauses, in six seconds of silence."""
    generator = np.random.default_rng(round(100 * level))
    samples = np.zeros(6 * SAMPLE_RATE, np.float32)
    part = slice(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
    length = part.stop - part.start
    loud = np.repeat(generator.integers(0, 2, length // 1600 + 1), 1600)[:length]
    loud[:1600] = 1
    samples[part] = level * loud * generator.choice([-1.0, 1.0], length)
    return samples


BOSS, CLERK = speech(0.0, 2.5, 0.5), speech(3.0, 5.5, 0.1)
CALL = [BOSS, CLERK]


def file(channels: Sequence[Samples]) -> dict[str, tuple[str, bytes]]:
    content = io.BytesIO()
    soundfile.write(content, np.stack(channels, axis=1), SAMPLE_RATE, format="WAV")
    return {"audio_file": ("call.wav", content.getvalue())}


async def upload(application: Application, sounds: Sequence[Samples], **fields: str | int) -> dict[str, Any]:
    answer = await application.client.post("/process", files=file(sounds), data={key: str(v) for key, v in fields.items()})
    assert answer.status_code == 200, answer.text
    conversation: dict[str, Any] = answer.json()
    return conversation


def said(conversation: dict[str, Any]) -> list[tuple[int | None, str]]:
    return [(segment["channel"], segment["text"]) for segment in conversation["segments"]]


BOTH = [(1, "boss0 boss1 boss2 boss3"), (2, "clerk0 clerk1 clerk2 clerk3")]


@pytest.mark.parametrize("fields", [{}, {"channels": "auto"}, {"channels": "separate"}, {"num_speakers": 2}])
async def test_each_side_of_a_call_is_a_speaker(application: Application, fields: dict[str, str | int]) -> None:
    conversation = await upload(application, CALL, **fields)
    assert said(conversation) == BOTH
    assert conversation["num_speakers"] == 2
    assert conversation["duration"] == pytest.approx(6.0)
    assert conversation["notes"] == []


async def test_people_who_talk_at_the_same_time_are_both_heard(application: Application) -> None:
    conversation = await upload(application, [speech(0.0, 5.0, 0.5), speech(0.0, 5.0, 0.1)])
    assert said(conversation) == BOTH
    assert [segment["overlap"] for segment in conversation["segments"]] == [True, True]


@pytest.mark.parametrize("channels", [[BOSS], [BOSS, BOSS], [BOSS, 0.7 * BOSS], [BOSS, np.zeros_like(BOSS)]])
async def test_the_same_speech_in_both_channels_is_transcribed_once(application: Application, channels: list[Samples]) -> None:
    conversation = await upload(application, channels)
    assert said(conversation) == [(None, "boss0 boss1 boss2 boss3")]
    assert conversation["notes"] == []


async def test_channels_are_mixed_on_request(application: Application) -> None:
    conversation = await upload(application, CALL, channels="mix")
    assert said(conversation) == [(None, "boss0 boss1 boss2 boss3")]


async def test_a_copy_of_a_channel_is_not_transcribed_again(application: Application) -> None:
    conversation = await upload(application, [BOSS, BOSS, CLERK], channels="separate")
    assert said(conversation) == [BOTH[0], (3, BOTH[1][1])]
    assert [note["message"] for note in conversation["notes"]] == [
        "Channel 2 holds the same sound as channel 1 and was not transcribed again."
    ]


async def test_the_channels_are_kept(application: Application) -> None:
    """For the sound of segments, and for processing again."""
    conversation = await upload(application, CALL)
    id_ = conversation["id"]
    for segment, level in zip(conversation["segments"], (0.5, 0.1), strict=True):
        answer = await application.client.get(f"/conversations/segments/{segment['id']}/audio")
        assert np.abs(soundfile.read(io.BytesIO(answer.content))[0]).max() == pytest.approx(level, abs=0.01)
    whole = await application.client.get(f"/conversations/{id_}/audio")
    samples, rate = soundfile.read(io.BytesIO(whole.content), dtype="float32")
    assert (samples.shape, rate) == ((6 * SAMPLE_RATE,), SAMPLE_RATE)
    assert np.abs(samples - (BOSS + CLERK) / 2).max() < 1e-3
    for mode, expected in (("auto", BOTH), ("mix", [(None, BOTH[0][1])]), ("separate", BOTH)):
        answer = await application.client.post(f"/conversations/{id_}/reprocess", params={"channels": mode})
        assert answer.status_code == 200, answer.text
        assert said((await application.client.get(f"/conversations/{id_}")).json()) == expected


@pytest.mark.parametrize("format", ["mp3", "opus"])
async def test_other_formats_hold_all_channels(application: Application, format: str) -> None:
    conversation = await upload(application, CALL)
    answer = await application.client.get(f"/conversations/{conversation['id']}/audio", params={"format": format})
    samples, _ = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    assert samples.ndim == 1
    parts = [np.sqrt(np.mean(part**2)) for part in (samples[: len(samples) // 2], samples[len(samples) // 2 :])]
    assert parts[0] > 0.1
    assert parts[1] > 0.02


async def test_what_was_done_to_the_sound_is_noted_and_stays_noted(application: Application) -> None:
    conversation = await upload(application, [BOSS, -BOSS])
    assert said(conversation) == [(None, "boss0 boss1 boss2 boss3")]
    (note,) = conversation["notes"]
    assert note["kind"] == "sound"
    assert note["message"].startswith("Channel 2 was inverted")
    await application.client.post(f"/conversations/{conversation['id']}/reprocess")
    assert (await application.client.get(f"/conversations/{conversation['id']}")).json()["notes"] == [note]


@pytest.mark.parametrize(
    ("channels", "mode", "status", "sentence"),
    [
        (CALL, "both", 422, "channels"),
        ([BOSS] * 9, "separate", 400, "9 channels, and up to 8 can be kept apart"),
        ([np.full(SAMPLE_RATE, np.nan)], "auto", 400, "samples are not numbers"),
    ],
)
async def test_refusals(application: Application, channels: list[Samples], mode: str, status: int, sentence: str) -> None:
    content = io.BytesIO()
    soundfile.write(content, np.stack(channels, axis=1), SAMPLE_RATE, "FLOAT", format="WAV")
    files = {"audio_file": ("call.wav", content.getvalue())}
    answer = await application.client.post("/process", files=files, data={"channels": mode})
    assert answer.status_code == status
    assert sentence in answer.text


async def test_batches_take_the_field_too(application: Application) -> None:
    files = [("audio_files", file(CALL)["audio_file"])]
    answer = await application.client.post("/process/batch", files=files, data={"channels": "mix"})
    id_ = answer.json()["files"][0]["conversation_id"]
    assert await application.context.recordings.finished(id_)
    assert said((await application.client.get(f"/conversations/{id_}")).json()) == [(None, "boss0 boss1 boss2 boss3")]


async def test_a_call_that_is_not_kept_is_heard_on_both_sides(application: Application) -> None:
    """By the route of OpenAI's API."""
    content = file([speech(0.0, 5.0, 0.5), speech(0.0, 5.0, 0.1)])["audio_file"]
    fields = {"model": "whisper-1", "response_format": "diarized_json"}
    url = "http://localhost/v1/audio/transcriptions"
    answer = await application.client.post(url, data=fields, files={"file": content})
    assert answer.status_code == 200, answer.text
    found = [(segment["speaker"], segment["text"]) for segment in answer.json()["segments"]]
    assert found == [("A", "boss0 boss1 boss2 boss3"), ("B", "clerk0 clerk1 clerk2 clerk3")]
    answer = await application.client.post(url, data=fields | {"channels": "mix"}, files={"file": content})
    assert [segment["text"] for segment in answer.json()["segments"]] == ["boss0 boss1 boss2 boss3"]
