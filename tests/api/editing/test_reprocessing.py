"""A recording that is processed again keeps what people changed in its transcript, or says what it could not keep."""

from pathlib import Path

from pipeline.stages import Stages
from settings import Settings
from storage.postgres.database import Database
from tests.api.editing.conftest import Talk
from tests.storage.transcripts import MODEL
from tests.support.application import running
from tests.support.fixed_stages import FixedStages, sound


async def test_changes_are_kept_where_the_words_match(database: Database, database_url: str, tmp_path: Path) -> None:
    fixed = FixedStages()  # the transcript of every recording is "The parrot is dead."
    stages = Stages(fixed, fixed, fixed, fixed)
    async with running(
        Settings(data_path=tmp_path, speaker_threshold=0.5), database_url, tmp_path / "audio", stages, MODEL
    ) as application:
        answer = await application.client.post("/process", files={"audio_file": ("a.wav", sound())})
        talk = Talk(application, answer.json()["id"])
        (line,) = await talk.lines()
        await talk.ask("PATCH", f"/segments/{line['id']}", json={"text": "The Norwegian parrot is not dead."})
        (edited,) = await talk.lines()
        await talk.ask("POST", "/reprocess?wait=true")
        (again,) = await talk.lines()
        assert again["id"] != line["id"]
        assert {**again, "id": 0, "speaker_id": 0} == {**edited, "id": 0, "speaker_id": 0}
        (original,) = await talk.ask("GET", "/originals")
        assert (original["id"], original["text"], original["segments"]) == (again["id"], "The parrot is dead.", [again["id"]])
        assert await talk.ask("GET", "/changes") == []

        await talk.ask("DELETE", f"/segments/{again['id']}")
        await talk.ask("POST", "/reprocess?wait=true")
        assert await talk.lines() == []
        (original,) = await talk.ask("GET", "/originals")
        assert (original["text"], original["segments"]) == ("The parrot is dead.", [])


async def test_what_cannot_be_kept_is_noted(stored_talk: Talk, database: Database, database_url: str, tmp_path: Path) -> None:
    line = (await stored_talk.lines())[0]
    await stored_talk.ask("PATCH", f"/segments/{line['id']}", json={"text": "Row 0."})
    fixed = FixedStages()
    stages = Stages(fixed, fixed, fixed, fixed)
    async with running(
        Settings(data_path=tmp_path, speaker_threshold=0.5), database_url, tmp_path / "audio", stages, MODEL
    ) as application:
        talk = Talk(application, stored_talk.id)
        await talk.ask("POST", "/reprocess?wait=true")
        assert await talk.texts() == ["The parrot is dead."]
        notes = (await talk.ask("GET"))["notes"]
        assert [note["message"] for note in notes if note["kind"] == "edits"] == [
            "The correction of “Line” to “Row” was not kept: other words are heard there now."
        ]
        assert await talk.ask("GET", "/originals") == []
