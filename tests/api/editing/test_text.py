"""Changing the text of a segment, and undoing and repeating it."""

from tests.api.editing.conftest import Talk


async def test_a_changed_text_is_read_exported_and_found(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[1]
    edited = await stored_talk.ask("PATCH", f"/segments/{line['id']}", json={"text": " A  Zyxwvu\nline 1."})
    assert edited["change"]["description"] == "The text of a segment was changed"
    (changed,) = edited["segments"]
    assert changed["text"] == "A Zyxwvu line 1."
    assert [word["word"] for word in changed["words"]] == [" A", " Zyxwvu", " line", " 1."]
    assert changed["words"][-1] == line["words"][-1]
    assert changed["edited_at"] is not None
    assert {key for key in line if line[key] != changed[key]} == {"text", "words", "edited_at"}
    assert await stored_talk.texts() == ["Line 0.", "A Zyxwvu line 1.", *(f"Line {i}." for i in range(2, 6))]
    for format_ in ("srt", "vtt", "txt", "csv", "json"):
        assert "A Zyxwvu line 1." in str(await stored_talk.ask("GET", f"/transcript?format={format_}"))
    search = (await stored_talk.application.client.get("/search", params={"q": "zyxwvu"})).json()
    assert [hit["id"] for hit in search["results"]] == [line["id"]]


async def test_the_original_stays_readable_until_it_is_the_text_again(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[1]
    assert await stored_talk.ask("GET", "/originals") == []
    for text in ("Something else.", "Yet another."):
        await stored_talk.ask("PATCH", f"/segments/{line['id']}", json={"text": text})
    (original,) = await stored_talk.ask("GET", "/originals")
    expected = {key: line[key] for key in ("id", "start_offset", "end_offset", "text", "words")}
    assert original == expected | {"segments": [line["id"]]}
    await stored_talk.ask("POST", "/undo")
    assert len(await stored_talk.ask("GET", "/originals")) == 1
    await stored_talk.ask("POST", "/undo")
    assert await stored_talk.ask("GET", "/originals") == []
    assert (await stored_talk.lines())[1] == line


async def test_changes_are_undone_and_made_again_in_order(stored_talk: Talk) -> None:
    before = await stored_talk.lines()
    first, second = before[0]["id"], before[3]["id"]
    for segment, text in ((first, "One."), (second, "Two."), (first, "Three.")):
        await stored_talk.ask("PATCH", f"/segments/{segment}", json={"text": text})
    after = await stored_talk.lines()
    undone = [await stored_talk.ask("POST", "/undo") for _ in range(3)]
    assert [edit["segments"][0]["text"] for edit in undone] == ["One.", "Line 3.", "Line 0."]
    assert all(edit["change"]["undone_at"] for edit in undone)
    assert await stored_talk.lines() == before
    assert "left to undo" in (await stored_talk.ask("POST", "/undo", 409))["detail"]
    for _ in range(3):
        await stored_talk.ask("POST", "/redo")
    assert await stored_talk.lines() == after
    assert (await stored_talk.ask("POST", "/redo", 409))["detail"].startswith("No change")
    changes = await stored_talk.ask("GET", "/changes")
    assert len(changes) == 3
    assert {change["undone_at"] for change in changes} == {None}
    assert [change["id"] for change in changes] == sorted((change["id"] for change in changes), reverse=True)


async def test_a_new_change_replaces_those_that_are_undone(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[0]["id"]
    await stored_talk.ask("PATCH", f"/segments/{line}", json={"text": "One."})
    await stored_talk.ask("POST", "/undo")
    await stored_talk.ask("PATCH", f"/segments/{line}", json={"text": "Two."})
    await stored_talk.ask("POST", "/redo", 409)
    assert len(await stored_talk.ask("GET", "/changes")) == 1
    await stored_talk.ask("POST", "/undo")
    assert (await stored_talk.texts())[0] == "Line 0."


async def test_the_same_text_is_no_change(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[0]
    edited = await stored_talk.ask("PATCH", f"/segments/{line['id']}", json={"text": " Line  0."})
    assert edited == {"change": None, "segments": [line], "deleted": [], "notes": []}
    assert await stored_talk.ask("GET", "/changes") == []


async def test_a_change_to_another_text_than_was_read_is_refused(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[0]
    path = f"/segments/{line['id']}"
    await stored_talk.ask("PATCH", path, json={"text": "One.", "expected_text": line["text"]})
    refused = await stored_talk.ask("PATCH", path, 409, json={"text": "Two.", "expected_text": line["text"]})
    assert "another text by now" in refused["detail"]
    assert (await stored_talk.texts())[0] == "One."


async def test_texts_that_cannot_be_stored_are_refused(stored_talk: Talk) -> None:
    line = (await stored_talk.lines())[0]
    path = f"/segments/{line['id']}"
    assert "delete the segment" in (await stored_talk.ask("PATCH", path, 409, json={"text": " \n\0"}))["detail"]
    for body in ({"text": "x" * 5001}, {"text": None}, {}, {"text": "x", "speaker": "Ada"}, {"text": 1}):
        await stored_talk.ask("PATCH", path, 422, json=body)
    surrogate = {"content": b'{"text": "\\ud800"}', "headers": {"content-type": "application/json"}}
    await stored_talk.ask("PATCH", path, 422, **surrogate)
    assert await stored_talk.lines() == [line, *(await stored_talk.lines())[1:]]


async def test_what_does_not_exist_is_not_found(stored_talk: Talk) -> None:
    client = stored_talk.application.client
    line = (await stored_talk.lines())[0]["id"]
    await stored_talk.ask("PATCH", "/segments/999999", 404, json={"text": "x"})
    assert (await client.patch(f"/conversations/999999/segments/{line}", json={"text": "x"})).status_code == 404
    for method, path in (("GET", "originals"), ("GET", "changes"), ("POST", "undo"), ("POST", "redo")):
        assert (await client.request(method, f"/conversations/999999/{path}")).status_code == 404
