"""Hot words of the installation, of a request and of the known speakers: which of them are read, stored and shown."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from pipeline.decoding import Decoding
from pipeline.hotwords import hotwords_of
from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from storage.tables import ParticipantRow, Speaker
from tests.storage.people import keep, talk
from tests.storage.transcripts import MODEL, voice
from tests.support.application import Application, running
from tests.support.fixed_stages import RecordingStages, sound

ROOM = 4


class Few(RecordingStages):
    """A transcriber with room for the first few hot words."""

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        return hotwords_of(decoding.hotwords)[:ROOM]

    @property
    def read(self) -> list[str]:
        return [decoding.hotwords for decoding in self.decodings]


@pytest.fixture
def stages() -> Few:
    return Few()


@pytest.fixture
async def application(database: Database, database_url: str, tmp_path: Path, stages: Few) -> AsyncIterator[Application]:
    settings = Settings(speaker_threshold=0.5)
    async with running(settings, database_url, tmp_path, Stages(stages, stages, stages, stages), MODEL) as application:
        yield application


async def process(application: Application, **fields: str) -> Any:
    answer = await application.client.post("/process", files={"audio_file": ("call.wav", sound())}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put(application: Application, *hotwords: str, names: bool = False) -> Any:
    body = {"hotwords": hotwords, "include_speaker_names": names}
    answer = await application.client.put("/settings/vocabulary", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == (await application.client.get("/settings/vocabulary")).json()
    return answer.json()


async def test_words_of_the_request_go_before_those_of_the_settings(application: Application, stages: Few) -> None:
    assert (await process(application))["hotwords"] == []
    assert await put(application, "pgvector", "Vivavoce, Tekzas") == {
        "hotwords": ["pgvector", "Vivavoce", "Tekzas"],
        "include_speaker_names": False,
        "speaker_names": [],
        "left_out": [],
    }
    found = await process(application, hotwords="Siobhán\nvivavoce")
    assert found["hotwords"] == ["Siobhán", "vivavoce", "pgvector", "Tekzas"]
    assert found["notes"] == []
    again = f"/conversations/{found['id']}"
    await application.client.post(f"{again}/reprocess")
    assert (await application.client.get(again)).json()["hotwords"] == ["pgvector", "Vivavoce", "Tekzas"]
    assert stages.read == ["", "Siobhán, vivavoce, pgvector, Tekzas", "pgvector, Vivavoce, Tekzas"]


async def test_what_there_is_no_room_for_is_noted(application: Application) -> None:
    await put(application, "pgvector", "Tekzas")
    found = await process(application, hotwords="a, b, c, d")
    assert found["hotwords"] == ["a", "b", "c", "d"]
    message = "Hot words that the transcriber has no room for were not used: pgvector, Tekzas."
    assert found["notes"] == [{"kind": "left_out", "message": message, "start": None, "end": None}]


async def test_names_of_speakers_fill_the_room_that_is_left(application: Application, database: Database, stages: Few) -> None:
    for _ in range(2):
        await keep(database, talk([voice(2)]))  # an unknown speaker
    async with database.session() as session:
        await session.execute(insert(Speaker), [{"name": name} for name in ("Once, Ann", "Zoë", "Bob", "Carl")])
    await put(application, "pgvector", "ZOË")
    assert (await process(application))["hotwords"] == ["pgvector", "ZOË"]
    found = await put(application, "pgvector", "ZOË", names=True)
    assert (found["speaker_names"], found["left_out"]) == (["Once Ann", "Bob"], ["Carl"])
    shown = await process(application)
    assert shown["hotwords"] == ["pgvector", "ZOË", "Once Ann", "Bob"]
    assert shown["notes"] == []
    assert stages.read[-1] == "pgvector, ZOË, Once Ann, Bob"


async def test_the_most_often_heard_speakers_go_first(application: Application, database: Database) -> None:
    talks = [await keep(database, talk([None])) for _ in range(2)]
    async with database.session() as session:
        names = ["Enrolled", "Once", "Twice"]
        once, twice = (await session.scalars(insert(Speaker).returning(Speaker.id), [{"name": name} for name in names])).all()[
            1:
        ]
        heard = [
            ("a", once, talks[0]),
            ("b", once, talks[0]),
            ("c", once, talks[0]),
            ("d", twice, talks[0]),
            ("e", twice, talks[1]),
        ]
        rows = [{"label": label, "voice_id": speaker, "conversation_id": talk_} for label, speaker, talk_ in heard]
        await session.execute(insert(ParticipantRow), rows)
    assert (await put(application, names=True))["speaker_names"] == ["Twice", "Once", "Enrolled"]


async def test_a_list_that_is_too_long_is_refused(application: Application) -> None:
    await put(application, "kept")
    answer = await application.client.put("/settings/vocabulary", json={"hotwords": list("abcdef")})
    assert answer.status_code == 422
    sentence = "The transcriber has room for 4 of the 6 hot words: leave out 2 of them, such as e, f."
    assert answer.json() == {"detail": sentence}
    assert (await application.client.get("/settings/vocabulary")).json()["hotwords"] == ["kept"]


@pytest.mark.parametrize(
    "body",
    [{}, {"hotwords": ["x" * 101]}, {"hotwords": ["a"] * 201}, {"hotwords": ["<|de|>"]}, {"hotwords": ["\0"]}, {"words": []}],
)
async def test_hostile_lists_are_refused(application: Application, body: dict[str, Any]) -> None:
    assert (await application.client.put("/settings/vocabulary", json=body)).status_code == 422


async def test_openai_keywords_go_before_the_vocabulary(application: Application, stages: Few) -> None:
    await put(application, "pgvector")
    form = {"model": "whisper-1", "keywords[]": ["parrot", "Polly"]}
    url = "http://localhost/v1/audio/transcriptions"
    answer = await application.client.post(url, files={"file": ("call.wav", sound())}, data=form)
    assert answer.status_code == 200, answer.text
    assert stages.read == ["parrot, Polly, pgvector"]
