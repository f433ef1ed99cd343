"""One name in several spellings, at every REST door where a speaker's name enters."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import httpx
import pytest

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.api.test_speakers import identify, keep, segments
from tests.storage.transcripts import MODEL
from tests.support.application import answering, connected
from tests.support.fixed_stages import FixedStages, sound

JOSE = normalize("NFC", "José Núñez")
SPELLINGS = [normalize("NFD", JOSE), "josé  núñez", "\u200eJosé\u00a0Nú\u00adñez\ufeff"]
INVISIBLE = "\u200b\u2060\ufeff"


@pytest.fixture
async def api(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    fixed = FixedStages()
    stages = Stages(fixed, fixed, fixed, fixed)
    async with (
        connected(Settings(speaker_threshold=0.5), database_url, tmp_path / "audio", stages, MODEL) as context,
        answering(context) as application,
    ):
        yield application.client


def enrolling(name: str) -> dict[str, Any]:
    return {"data": {"name": name}, "files": {"audio_file": ("sample.wav", sound())}}


@pytest.mark.parametrize("written", SPELLINGS)
async def test_every_spelling_is_the_same_speaker(api: httpx.AsyncClient, database: Database, written: str) -> None:
    conversation = await keep(database, 11, 12, 13)
    first = (await identify(api, conversation, 0, speaker_name=written)).json()
    assert first["speaker_name"] in (JOSE, "josé núñez")
    again = (await identify(api, conversation, 1, speaker_name=JOSE)).json()
    assert (again["speaker_id"], again["speaker_name"]) == (first["speaker_id"], first["speaker_name"])
    assert (await identify(api, conversation, 0, how="reassign", speaker_name=JOSE)).json()["speaker_id"] == first["speaker_id"]
    taken = f"Speaker '{first['speaker_name']}' already exists"
    refused = await api.patch("/speakers/3/rename", json={"new_name": JOSE})
    assert (refused.status_code, refused.json()["detail"]) == (400, taken)
    refused = await api.post("/speakers/enroll", **enrolling(JOSE))
    assert (refused.status_code, refused.json()["detail"]) == (400, taken)
    for name in (JOSE, *SPELLINGS):
        found = await api.get("/search", params={"q": "line", "speaker": name})
        assert (found.status_code, found.json()["total"]) == (200, 3)
    assert len((await api.get("/speakers")).json()) == 2


async def test_the_name_is_stored_as_everybody_writes_it(api: httpx.AsyncClient) -> None:
    enrolled = (await api.post("/speakers/enroll", **enrolling(SPELLINGS[2]))).json()
    assert enrolled["name"] == JOSE
    renamed = await api.patch(f"/speakers/{enrolled['id']}/rename", json={"new_name": normalize("NFD", "JOSÉ  Núñez")})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "JOSÉ Núñez")


async def test_a_name_that_nobody_can_see_is_refused(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 11)
    segment = (await segments(api, conversation))[0]["id"]
    place = f"/conversations/{conversation}/segments/{segment}"
    answers = [
        await api.post(f"{place}/identify", json={"speaker_name": INVISIBLE}),
        await api.post(f"{place}/identify", params={"speaker_name": INVISIBLE}),
        await api.post(f"{place}/reassign", json={"speaker_name": INVISIBLE}),
        await api.put(f"{place}/label", json={"speaker_name": INVISIBLE}),
        await api.patch("/speakers/1/rename", json={"new_name": INVISIBLE}),
        await api.post("/speakers/enroll", **enrolling(INVISIBLE)),
        await api.get("/search", params={"speaker": INVISIBLE}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.request.url
        assert "The name has no visible character: give another name." in answer.text
    assert [one["name"] for one in (await api.get("/speakers")).json()] == ["Unknown_01"]


async def test_labels_are_names_too(api: httpx.AsyncClient, database: Database) -> None:
    conversation = await keep(database, 11)
    await identify(api, conversation, 0, speaker_name=JOSE)
    ids = [segment["id"] for segment in await segments(api, conversation)]
    for id_, written in zip(ids, [JOSE, *SPELLINGS], strict=True):
        label = await api.put(f"/conversations/{conversation}/segments/{id_}/label", json={"speaker_name": written})
        assert label.json()["speaker_name"] in (JOSE, "josé núñez")
    score = (await api.post("/evaluation", json={"conversation_ids": [conversation]})).json()
    assert (score["identification"]["segments"], score["identification"]["accuracy"]) == (4, 1.0)
    rttm = f"SPEAKER talk 1 0.0 1.5 <NA> <NA> {normalize('NFD', 'José')} <NA> <NA>\n"
    done = await api.post(f"/conversations/{conversation}/labels/rttm", files={"file": ("a.rttm", io.BytesIO(rttm.encode()))})
    assert done.json()["speakers"] == ["José"]
    hidden = {"file": ("a.rttm", io.BytesIO(rttm.replace(normalize("NFD", "José"), INVISIBLE).encode()))}
    refused = await api.post(f"/conversations/{conversation}/labels/rttm", files=hidden)
    assert (refused.status_code, "no visible character" in refused.json()["detail"]) == (400, True)
