"""Splitting, joining and deleting segments, with what follows for voices, emotions, labels and the original."""

from typing import Any

import numpy as np
from sqlalchemy import select, update

from storage.postgres.database import Database
from storage.tables import SegmentRow
from tests.api.editing.conftest import Talk
from tests.storage.transcripts import voice

FIRST_VOICE = voice(1)


async def vectors(database: Database, segment_id: int) -> tuple[Any, ...]:
    async with database.session() as session:
        found = select(SegmentRow.voice_vector, SegmentRow.emotion_vector).where(SegmentRow.id == segment_id)
        return tuple((await session.execute(found)).one())


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


async def test_a_split_segment_has_the_voice_and_emotion_of_each_part(stored_talk: Talk, database: Database) -> None:
    line = (await stored_talk.lines())[1]
    before = await vectors(database, line["id"])
    edited = await stored_talk.ask("POST", f"/segments/{line['id']}/split", json={"word": 1})
    first, second = edited["segments"]
    assert (first["id"], edited["deleted"], edited["notes"]) == (line["id"], [], [])
    assert [part["text"] for part in edited["segments"]] == ["Line", "1."]
    assert (first["start_offset"], first["end_offset"]) == (line["start_offset"], line["words"][0]["end"])
    assert (second["start_offset"], second["end_offset"]) == (line["words"][1]["start"], line["end_offset"])
    assert first["words"] + second["words"] == line["words"]
    assert first["speaker_name"] == second["speaker_name"] == line["speaker_name"]
    assert [part["emotion_category"] for part in edited["segments"]] == ["sad", "sad"]  # what the stages find
    assert line["emotion_category"] == "happy"
    for part in (first, second):
        heard = await vectors(database, part["id"])
        assert same(heard, (FIRST_VOICE, voice(5, 64)))
        assert not same(heard[:1], before[:1])
    assert await stored_talk.texts() == ["Line 0.", "Line", "1.", *(f"Line {i}." for i in range(2, 6))]
    (original,) = await stored_talk.ask("GET", "/originals")
    assert (original["text"], original["segments"]) == ("Line 1.", [first["id"], second["id"]])


async def test_what_was_split_and_joined_is_undone_and_made_again(stored_talk: Talk, database: Database) -> None:
    before = await stored_talk.lines()
    line = before[1]
    heard = await vectors(database, line["id"])
    await stored_talk.ask("POST", f"/segments/{line['id']}/split", json={"word": 1})
    split = await stored_talk.lines()
    edited = await stored_talk.ask("POST", f"/segments/{line['id']}/join", json={"expected_text": "Line"})
    assert edited["deleted"] == [split[2]["id"]]
    joined = await stored_talk.lines()
    fields = ("text", "words", "start_offset", "end_offset", "speaker_id", "language", "channel")
    assert [[each[name] for name in fields] for each in joined] == [[each[name] for name in fields] for each in before]
    (original,) = await stored_talk.ask("GET", "/originals")
    assert original["segments"] == [line["id"]]
    for expected in (split, before):
        await stored_talk.ask("POST", "/undo")
        assert await stored_talk.lines() == expected
    assert same(await vectors(database, line["id"]), heard)
    assert await stored_talk.ask("GET", "/originals") == []
    for expected in (split, joined):
        await stored_talk.ask("POST", "/redo")
        assert await stored_talk.lines() == expected


async def test_a_segment_is_split_again_and_again_in_order(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[1]["id"]
    await stored_talk.ask("PATCH", f"/segments/{line}", json={"text": "a b c d e"})
    rest = line
    for _ in range(3):
        edited = await stored_talk.ask("POST", f"/segments/{rest}/split", json={"word": 1})
        rest = edited["segments"][1]["id"]
    await stored_talk.ask("POST", f"/segments/{rest}/split", json={"word": 1})
    assert (await stored_talk.texts())[1:6] == ["a", "b", "c", "d", "e"]
    for _ in range(5):
        await stored_talk.ask("POST", "/undo")
    assert await stored_talk.texts() == [f"Line {i}." for i in range(6)]


async def test_a_deleted_segment_is_nowhere_until_it_is_back(stored_talk: Talk) -> None:
    before = await stored_talk.lines()
    line = before[2]
    await stored_talk.ask("PUT", f"/segments/{line['id']}/label", json={"speaker_name": "Ana"})
    label = await stored_talk.ask("GET", f"/segments/{line['id']}/label")
    edited = await stored_talk.ask("DELETE", f"/segments/{line['id']}")
    assert (edited["segments"], edited["deleted"]) == ([], [line["id"]])
    assert await stored_talk.lines() == [each for each in before if each["id"] != line["id"]]
    assert "Line 2." not in await stored_talk.ask("GET", "/transcript?format=txt")
    (original,) = await stored_talk.ask("GET", "/originals")
    assert (original["text"], original["segments"]) == ("Line 2.", [])
    back = await stored_talk.ask("POST", "/undo")
    assert back["segments"] == [line]
    assert await stored_talk.lines() == before
    assert await stored_talk.ask("GET", f"/segments/{line['id']}/label") == label
    assert await stored_talk.ask("GET", "/originals") == []
    assert (await stored_talk.ask("POST", "/redo"))["deleted"] == [line["id"]]
    assert len(await stored_talk.lines()) == 5


async def test_the_languages_of_a_conversation_follow_its_segments(stored_talk: Talk, database: Database) -> None:
    lines = await stored_talk.lines()
    async with database.session() as session:
        await session.execute(update(SegmentRow).values(language="en"))
        await session.execute(update(SegmentRow).where(SegmentRow.id == lines[1]["id"]).values(language="de"))
    parts = (await stored_talk.ask("POST", f"/segments/{lines[1]['id']}/split", json={"word": 1}))["segments"]
    assert [part["language"] for part in parts] == ["de", "de"]
    assert (await stored_talk.ask("GET"))["languages"] == ["en", "de"]
    for part in parts:
        await stored_talk.ask("DELETE", f"/segments/{part['id']}")
    assert (await stored_talk.ask("GET"))["languages"] == ["en"]
    await stored_talk.ask("POST", "/undo")
    assert (await stored_talk.ask("GET"))["languages"] == ["en", "de"]


async def test_who_was_named_after_a_split_is_not_forgotten_by_undo_and_redo(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[1]
    edited = await stored_talk.ask("POST", f"/segments/{line['id']}/split", json={"word": 1})
    second = edited["segments"][1]["id"]
    for segment, name in ((line["id"], "Ada"), (second, "Bea")):
        await stored_talk.ask("POST", f"/segments/{segment}/reassign", json={"speaker_name": name})
    named = await stored_talk.lines()
    assert [each["speaker_name"] for each in named[1:3]] == ["Ada", "Bea"]
    await stored_talk.ask("POST", "/undo")
    undone = (await stored_talk.lines())[1]
    assert (undone["text"], undone["speaker_name"]) == ("Line 1.", "Ada")
    await stored_talk.ask("POST", "/redo")
    assert await stored_talk.lines() == named


async def test_a_corrected_emotion_stays_and_teaches_by_its_parts(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[1]
    path = f"/segments/{line['id']}"
    await stored_talk.ask("POST", f"{path}/identify", json={"speaker_name": "Ada"})
    await stored_talk.ask("POST", f"{path}/correct-emotion", json={"corrected_emotion": "angry"})
    client = stored_talk.application.client

    async def samples() -> dict[str, int]:
        ada = next(each for each in (await client.get("/speakers")).json() if each["name"] == "Ada")
        found = (await client.get(f"/speakers/{ada['id']}/emotion-profiles")).json()
        return {each["emotion_category"]: each["sample_count"] for each in found["profiles"]}

    assert await samples() == {"angry": 1}
    edited = await stored_talk.ask("POST", f"{path}/split", json={"word": 1})
    assert [(part["emotion_category"], part["emotion_corrected"]) for part in edited["segments"]] == [("angry", True)] * 2
    assert await samples() == {"angry": 2}
    await stored_talk.ask("POST", f"{path}/join")
    assert await samples() == {"angry": 1}
    await stored_talk.ask("DELETE", path)
    assert await samples() == {}
    for count in ({"angry": 1}, {"angry": 2}, {"angry": 1}):
        await stored_talk.ask("POST", "/undo")
        assert await samples() == count


async def test_without_a_recording_new_segments_say_what_they_lack(stored_talk: Talk, database: Database) -> None:
    lines = await stored_talk.lines()
    for path in (await stored_talk.recording()).parent.iterdir():
        path.unlink()
    edited = await stored_talk.ask("POST", f"/segments/{lines[1]['id']}/split", json={"word": 1})
    assert edited["notes"] == ["The new segments have no voice embedding and no emotion: there is no recording any more."]
    for part in edited["segments"]:
        assert part["emotion_category"] is None
        assert await vectors(database, part["id"]) == (None, None)


async def test_what_cannot_be_split_or_joined_is_refused(stored_talk: Talk) -> None:
    lines = await stored_talk.lines()
    first, last = lines[0]["id"], lines[-1]["id"]
    for word in (2, 3, 5000):
        assert "is not split" in (await stored_talk.ask("POST", f"/segments/{first}/split", 409, json={"word": word}))["detail"]
    for body in ({"word": 0}, {"word": "x"}, {}):
        await stored_talk.ask("POST", f"/segments/{first}/split", 422, json=body)
    stale = {"word": 1, "expected_text": "Another."}
    assert "another text" in (await stored_talk.ask("POST", f"/segments/{first}/split", 409, json=stale))["detail"]
    assert "another speaker" in (await stored_talk.ask("POST", f"/segments/{first}/join", 409))["detail"]
    assert "no segment after" in (await stored_talk.ask("POST", f"/segments/{last}/join", 409))["detail"]
    for method, path in (("POST", "/split"), ("POST", "/join"), ("DELETE", "")):
        await stored_talk.ask(method, f"/segments/999999{path}", 404, **({"json": {"word": 1}} if path == "/split" else {}))
    assert await stored_talk.lines() == lines
