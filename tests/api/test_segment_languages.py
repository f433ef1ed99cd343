"""The language of each segment, in the answers of REST and in exported files."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import Diarization, Observation, Samples, Span, SpeakerHint, Turn, Utterance, Word
from settings import Settings
from storage.postgres.database import Database
from tests.storage.transcripts import MODEL
from tests.support.application import Application, running
from tests.support.fixed_stages import SECONDS, FixedStages, sound


class Bilingual(FixedStages):
    """Stages that return English of one speaker, then German of the same speaker and of another one."""

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        english = [Word(f" {text}", i / 2, i / 2 + 0.4, 0.9) for i, text in enumerate(["Good", "morning."])]
        german = [Word(f" {text}", 2 + i, 2.8 + i, 0.9) for i, text in enumerate(["Guten", "Morgen", "zusammen", "hier."])]
        return [Utterance(tuple(english), -0.2, language or "en"), Utterance(tuple(german), -0.2, language or "de")]

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        turns = (Turn(0, 3.9, "SPEAKER_00"), Turn(3.9, SECONDS, "SPEAKER_01"))
        return Diarization(turns, turns)


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Application]:
    stages = Bilingual()
    settings = Settings(speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


async def upload(application: Application, **fields: str) -> dict[str, Any]:
    answer = await application.client.post("/process", files={"audio_file": ("talk.wav", sound())}, data=fields)
    assert answer.status_code == 200, answer.text
    conversation: dict[str, Any] = answer.json()
    return conversation


def said(conversation: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(segment["language"], segment["text"]) for segment in conversation["segments"]]


SAID = [("en", "Good morning."), ("de", "Guten Morgen"), ("de", "zusammen hier.")]


async def test_segments_have_their_language_and_conversations_all_of_them(application: Application) -> None:
    conversation = await upload(application)
    assert said(conversation) == SAID
    assert (conversation["language"], conversation["languages"]) == ("de", ["de", "en"])
    path = f"/conversations/{conversation['id']}"
    assert (await application.client.get(path)).json() == conversation
    (listed,) = (await application.client.get("/conversations")).json()["conversations"]
    assert (listed["language"], listed["languages"]) == ("de", ["de", "en"])
    assert (await application.client.patch(path, json={"title": "Morning"})).json()["languages"] == ["de", "en"]
    again = await application.client.post(f"{path}/reprocess")
    assert again.status_code == 200, again.text
    assert said((await application.client.get(path)).json()) == SAID


@pytest.mark.parametrize(("fields", "languages"), [({"language": "fr"}, ["fr"]), ({"enable_transcription": "false"}, [])])
async def test_a_language_that_is_given_is_the_only_one(
    application: Application, fields: dict[str, str], languages: list[str]
) -> None:
    conversation = await upload(application, **fields)
    assert conversation["languages"] == languages
    assert {segment["language"] for segment in conversation["segments"]} == {fields.get("language")}


async def test_exports_have_the_language(application: Application) -> None:
    path = f"/conversations/{(await upload(application))['id']}/transcript"
    table = csv.DictReader(io.StringIO((await application.client.get(path, params={"format": "csv"})).text))
    assert [(row["language"], row["text"]) for row in table] == SAID
    whole = (await application.client.get(path, params={"format": "json"})).json()
    assert (said(whole), whole["languages"]) == (SAID, ["de", "en"])
