"""The tool that corrects transcripts."""

from mcp import Client

from storage.postgres.database import Database
from tests.api.mcp.test_tools import call, refused, talk

TOOL = "correct_transcript"


async def texts(client: Client, conversation: int) -> list[str]:
    page = await call(client, "get_conversation", conversation_id=conversation)
    return [segment["text"] for segment in page["segments"]]


async def test_the_text_of_a_segment(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    first = (await call(client, "get_conversation", conversation_id=id_))["segments"][0]
    before = await texts(client, id_)
    done = await call(client, TOOL, conversation_id=id_, segment_id=first["id"], text=" Other  words. ")
    assert done == {"message": "Text changed.", "segments": [{"id": first["id"], "text": "Other words.", "before": None}]}
    assert await texts(client, id_) == ["Other words.", *before[1:]]
    again = await call(client, TOOL, conversation_id=id_, segment_id=first["id"], text="Other words.")
    assert again["message"] == "The segment has this text already."
    undone = await call(client, TOOL, conversation_id=id_, undo=True)
    assert undone["message"] == "Undone: The text of a segment was changed."
    assert await texts(client, id_) == before
    assert "left to undo" in await refused(client, TOOL, conversation_id=id_, undo=True)
    assert "delete the segment" in await refused(client, TOOL, conversation_id=id_, segment_id=first["id"], text=" ")


async def test_words_of_a_conversation(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    before = await texts(client, id_)
    shown = await call(client, TOOL, conversation_id=id_, find="LINE", replace="Row")
    assert shown["message"] == "4 place(s) in 4 segment(s) would change; dry_run=false changes them."
    assert [one["before"].strip() for one in shown["segments"]] == [text.strip() for text in before]
    assert await texts(client, id_) == before
    done = await call(client, TOOL, conversation_id=id_, find="LINE", replace="Row", dry_run=False)
    assert done["message"] == "4 place(s) in 4 segment(s) changed."
    assert await texts(client, id_) == [one["text"] for one in done["segments"]]
    assert all("Row" in text for text in await texts(client, id_))
    part = await call(client, TOOL, conversation_id=id_, find="Ro", replace="X", whole_words=True)
    assert (part["message"], part["segments"]) == ("The words were not found.", [])


async def test_what_it_does_must_be_clear(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    segment = (await call(client, "get_conversation", conversation_id=id_))["segments"][0]["id"]
    for unclear in ({}, {"text": "a"}, {"find": "a", "undo": True}, {"segment_id": segment, "text": "a", "find": "b"}):
        assert "undo=true" in await refused(client, TOOL, conversation_id=id_, **unclear)
    assert "list_conversations" in await refused(client, TOOL, conversation_id=99, find="a", replace="b")
