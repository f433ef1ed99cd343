"""A model for each request: which may be named, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from storage.tables import JobRow
from tests.storage.transcripts import MODEL
from tests.support.application import EMBEDDED_MODELS, Application, running
from tests.support.fixed_stages import RecordingStages, sound

DEFAULT = EMBEDDED_MODELS["transcriber"]
"""The model that the application's fixture names."""
KNOWN = [DEFAULT, "large-v3-turbo", "base.en"]


class Recording(RecordingStages):
    """The names of the models that decode windows."""

    @property
    def models(self) -> list[str]:
        return [decoding.model for decoding in self.decodings]


@pytest.fixture
def stages() -> Recording:
    return Recording()


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path, stages: Recording) -> AsyncIterator[Application]:
    settings = Settings(speaker_threshold=0.5, whisper_models=["turbo", "base.en"])
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


async def process(application: Application, status: int = 200, **form: Any) -> Any:
    answer = await application.client.post("/process", files={"audio_file": ("call.wav", sound())}, data=form)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_recording_and_its_repetition_have_a_model_each(application: Application, stages: Recording) -> None:
    conversation = (await process(application, model="turbo"))["id"]
    path = f"/conversations/{conversation}/reprocess"
    for query in ({"model": "base.en", "language": "en"}, {}, {"model": DEFAULT}):
        answer = await application.client.post(path, params=query)
        assert answer.status_code == 200, answer.text
    assert stages.models == ["large-v3-turbo", "base.en", "", ""]
    async with application.context.database.session() as session:
        jobs = (await session.scalars(select(JobRow).order_by(JobRow.id))).all()
    assert [job.options["decoding"]["model"] for job in jobs] == stages.models  # for a worker that continues one


async def test_the_status_lists_the_models(application: Application) -> None:
    assert (await application.client.get("/status")).json()["models"] == KNOWN


async def test_an_unknown_model_is_refused_with_the_names(application: Application, stages: Recording) -> None:
    for model in ("large-v3", "whisper-1", "../../etc"):
        refusal = await process(application, 422, model=model)
        assert refusal["detail"] == f"The model {model!r} is not configured: name one of {', '.join(KNOWN)}."
    await process(application, 422, model="x" * 201)
    await process(application, 422, model="nul\0")
    assert stages.decodings == []


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (
            {"model": "turbo", "task": "translate"},
            "'large-v3-turbo' does not translate: name another one, such as whisper-base.",
        ),
        ({"model": "base.en", "task": "translate"}, "'base.en' does not translate"),
        ({"model": "base.en", "language": "de-AT"}, "'base.en' knows no German, only English: name another one, such as"),
    ],
)
async def test_what_a_model_cannot_do_is_refused(
    application: Application, stages: Recording, form: dict[str, str], says: str
) -> None:
    assert says in (await process(application, 422, **form))["detail"]
    conversation = (await process(application))["id"]
    answer = await application.client.post(f"/conversations/{conversation}/reprocess", params=form)
    assert (answer.status_code, says in answer.json()["detail"]) == (422, True)
    assert len(stages.decodings) == 1


@pytest.mark.parametrize(("running", "form"), [("large-v3-turbo", {"task": "translate"}), ("base.en", {"language": "de"})])
async def test_nor_does_the_default_model_do_more(
    application: Application, monkeypatch: pytest.MonkeyPatch, running: str, form: dict[str, str]
) -> None:
    async def status() -> dict[str, dict[str, str | None]]:
        return {"transcriber": {"model": running}}

    monkeypatch.setattr(application.context.models, "stage_status", status)
    assert f"The model {running!r}" in (await process(application, 422, **form))["detail"]
    await process(application, 200, **form, enable_transcription="false")


async def test_models_that_do_not_answer_are_waited_for(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def status() -> dict[str, dict[str, str | None]]:
        raise ConnectionError("the stages are gone")

    monkeypatch.setattr(application.context.models, "stage_status", status)
    assert "do not answer" in (await process(application, 503, model=DEFAULT))["detail"]
    await process(application, 200, model="turbo")
    await process(application, 200, task="translate")


async def test_words_are_left_out_of_answers_and_stored(application: Application) -> None:
    found = await process(application, word_timestamps="false")
    assert [segment["words"] for segment in found["segments"]] == [None]
    path = f"/conversations/{found['id']}"
    for address in (path, f"{path}/transcript"):
        for query, number in (({"word_timestamps": False}, 0), ({}, 4)):
            answer = (await application.client.get(address, params=query)).json()
            assert [len(segment["words"] or ()) for segment in answer["transcript_segments"]] == [number]
            assert answer["segments"] == answer["transcript_segments"]


async def test_clients_of_openai_name_them_too(application: Application, stages: Recording) -> None:
    client = application.client
    base = httpx.URL("http://localhost/v1/")
    names = [model["id"] for model in (await client.get(base.join("models"))).json()["data"]]
    assert names[:4] == [*KNOWN, "whisper-1"]
    for model in ("whisper-1", "base.en", DEFAULT):
        files = {"file": ("call.wav", sound())}
        answer = await client.post(base.join("audio/transcriptions"), files=files, data={"model": model})
        assert answer.status_code == 200, answer.text
    assert stages.models == ["", "base.en", ""]
    for form, status, says in (
        ({"model": "base.en", "language": "de"}, 400, "knows no German"),
        ({"model": "large-v3"}, 404, "base.en, whisper-1"),
    ):
        answer = await client.post(base.join("audio/transcriptions"), files={"file": ("call.wav", sound())}, data=form)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, "model")
        assert says in answer.json()["error"]["message"]
