"""Replacing words in a whole conversation."""

from tests.api.editing.conftest import Talk


async def test_a_dry_run_says_what_a_replacement_does(stored_talk: Talk) -> None:
    before = await stored_talk.lines()
    words = {"find": "line 1", "replace": "Row one"}
    planned = await stored_talk.ask("POST", "/replace", json=words)
    assert planned == {
        "change": None,
        "matches": 1,
        "segments": [{"id": before[1]["id"], "before": "Line 1.", "after": "Row one."}],
        "notes": [],
    }
    assert await stored_talk.lines() == before
    done = await stored_talk.ask("POST", "/replace", json=words | {"dry_run": False})
    assert done | {"change": None} == planned
    assert (await stored_talk.texts())[1] == "Row one."


async def test_a_replacement_is_one_change(stored_talk: Talk) -> None:
    before = await stored_talk.lines()
    words = {"find": "Line", "replace": "A long line", "match_case": True, "whole_words": True, "dry_run": False}
    done = await stored_talk.ask("POST", "/replace", json=words)
    assert (done["matches"], done["change"]["description"]) == (6, "Words were replaced in 6 segment(s)")
    after = await stored_talk.lines()
    for old, new in zip(before, after, strict=True):
        assert new["text"] == f"A long line {old['text'].split()[1]}"
        assert new["words"][-1] == old["words"][-1]
        assert new["edited_at"] is not None
        moments = [moment for word in new["words"] for moment in (word["start"], word["end"])]
        assert moments == sorted(moments)
    assert len(await stored_talk.ask("GET", "/originals")) == 6
    assert len((await stored_talk.ask("POST", "/undo"))["segments"]) == 6
    assert await stored_talk.lines() == before
    await stored_talk.ask("POST", "/redo")
    assert await stored_talk.lines() == after


async def test_a_segment_is_not_emptied(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[0]["id"]
    await stored_talk.ask("PATCH", f"/segments/{line}", json={"text": "Um."})
    done = await stored_talk.ask("POST", "/replace", json={"find": "um.", "replace": "", "dry_run": False})
    assert (done["change"], done["segments"]) == (None, [])
    assert "would have no text left" in done["notes"][0]
    assert (await stored_talk.texts())[0] == "Um."


async def test_what_is_not_said_changes_nothing(stored_talk: Talk) -> None:
    for words in ({"find": "(.*)", "replace": ""}, {"find": "Line", "replace": "Line"}):
        found = await stored_talk.ask("POST", "/replace", json=words | {"dry_run": False})
        assert found == {"change": None, "matches": 0, "segments": [], "notes": []}
    assert await stored_talk.ask("GET", "/changes") == []
    for body in (
        {"find": "", "replace": "x"},
        {"find": " ", "replace": "x"},
        {"find": "x"},
        {"find": "x" * 201, "replace": ""},
    ):
        await stored_talk.ask("POST", "/replace", 422, json=body)
    missing = await stored_talk.application.client.post("/conversations/999999/replace", json={"find": "a", "replace": "b"})
    assert missing.status_code == 404
