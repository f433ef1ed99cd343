"""Every tool, called by the official client over HTTP."""

import json
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from mcp_types import TextContent
from sqlalchemy import update

from mcp_server import result_text
from mcp_server.server import TOOLS
from services.identity import transcripts
from storage.conversations import conversations, tags, titles
from storage.postgres.database import Database
from storage.tables import Conversation
from tests.storage.transcripts import RULES, near, transcript, voice

SEGMENT = {"id", "speaker_name", "text", "start_offset", "end_offset", "confidence"}
"""The tools that clients of the reference system use."""


async def talk(database: Database, *seeds: int | None, lines: int = 4, cosine: float = 1.0) -> int:
    """A conversation of voices, close to those of the seeds; returns its id."""
    voices = [None if seed is None else near(voice(seed), cosine) for seed in seeds]
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", "f" * 32 + ".flac", "flac")
        await transcripts.save(session, id_, transcript(voices, lines), RULES)
    return id_


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """The structured answer. The text says the same, and is no copy."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    (content,) = result.content
    text = content.text  # type: ignore[union-attr]
    assert text == result_text.table(result.structured_content)
    assert len(text) < len(result_text.compact_json(result.structured_content))
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The text of the error that the client gets."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    text: str = result.content[0].text  # type: ignore[union-attr]
    assert "\n" not in text
    assert "Error executing" not in text
    return text


async def test_a_model_can_choose(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [tool.__name__ for tool, *_ in TOOLS]
    for tool in tools:
        assert tool.description
        assert len(tool.description) > 30
        assert "  " not in tool.description
        assert tool.annotations is not None
        assert tool.output_schema is not None
    assert "ctx" not in json.dumps([tool.input_schema for tool in tools])
    assert client.instructions is not None
    assert "identify_speaker_in_segment" in client.instructions


async def test_the_story(client: Client, database: Database) -> None:
    """The agent names an unknown speaker; the name applies to past and future conversations."""
    first, second = await talk(database, 1, 2), await talk(database, 1, cosine=0.9)
    latest = (await call(client, "get_latest_segments"))["segments"]
    assert {line["speaker_name"] for line in latest} == {"Unknown_01"}

    done = await call(client, "identify_speaker_in_segment", segment_id=latest[0]["id"], speaker_name="Nick")
    assert (done["success"], done["speaker_name"], done["enrolled"], done["segments_updated"]) == (True, "Nick", True, 6)
    details = done["details"]  # what the REST route answers
    assert (details["message"], details["enrolled"], details["segments_updated"]) == (done["message"], True, 6)
    assert isinstance(details["speaker_id"], int)
    assert done["message"] == "Speaker identified as Nick (initial enrollment). Updated 6 segment(s) total."

    past = (await call(client, "get_conversation", conversation_id=first))["segments"]
    assert [line["speaker_name"] for line in past] == ["Nick", "Unknown_02"] * 2
    third = await talk(database, 1, cosine=0.8)
    assert {line["speaker_name"] for line in (await call(client, "get_latest_segments"))["segments"]} == {"Nick"}
    found = await call(client, "search_conversations_by_speaker", speaker_name="nick")
    assert [one["conversation_id"] for one in found["conversations"]] == [third, second, first]
    assert [one["speaker_segments"] for one in found["conversations"]] == [4, 4, 2]

    undone = await call(client, "undo_last_speaker_change")
    assert "Nick" in undone["undone"]


async def test_conversations_are_filtered(client: Client, database: Database) -> None:
    first, second = await talk(database, 1, 2), await talk(database, 3)
    async with database.session() as session:
        await tags.replace(session, first, ["Work"])
        await titles.rename(session, second, "Budget")
    page = await call(client, "get_conversation", conversation_id=first)
    assert page["tags"] == ["Work"]
    cases: list[tuple[dict[str, str], list[int]]] = [
        ({"tag": "work"}, [first]),
        ({"text": "budg"}, [second]),
        ({"text": "line"}, [second, first]),
        ({"speaker": page["segments"][0]["speaker_name"].lower(), "text": "line"}, [first]),
        ({"since": "2099-01-01"}, []),
        ({"until": "2099-01-01T00:00:00Z", "tag": " WORK "}, [first]),
    ]
    for filters, expected in cases:
        listed = await call(client, "list_conversations", **filters)
        assert [one["id"] for one in listed["conversations"]] == expected, filters
        assert listed["total"] == len(expected)
    assert "There is no speaker 'Nobody'" in await refused(client, "list_conversations", speaker="Nobody")


async def test_lists_have_the_keys_that_old_clients_know(client: Client, database: Database) -> None:
    id_ = await talk(database, 1, 2)
    listed = await call(client, "list_conversations")
    assert {"id", "title", "start_time", "duration", "num_speakers", "num_segments"} <= set(listed["conversations"][0])
    assert listed["total"] == 1
    one = await call(client, "get_conversation", conversation_id=id_)
    assert {"id", "title", "start_time", "duration", "num_speakers", "segments"} <= set(one)
    assert set(one["segments"][0]) >= SEGMENT
    assert one["start_time"].endswith("Z")
    latest = await call(client, "get_latest_segments", conversation_id=id_, limit=3)
    assert {"conversation_id", "title", "total_segments", "returned_segments", "segments"} == set(latest)
    assert (latest["total_segments"], latest["returned_segments"], len(latest["segments"])) == (4, 3, 3)
    found = await call(client, "search_conversations_by_speaker", speaker_name="Unknown_02")
    assert {"speaker_name", "speaker_id", "total_conversations", "returned_count", "conversations"} == set(found)
    assert set(found["conversations"][0]) == {
        *("conversation_id", "title", "datetime", "duration_seconds", "duration_minutes"),
        *("total_segments", "speaker_segments", "audio_path"),
    }
    titled = await call(client, "update_conversation_title", conversation_id=id_, title="Weather")
    assert (titled["title"], len(titled["transcript_segments"])) == ("Weather", 4)


async def test_a_conversation_without_a_title_is_found_under_its_number(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    for title in ("", None):
        async with database.session() as session:
            (await session.get_one(Conversation, id_)).title = title
        found = await call(client, "search_conversations_by_speaker", speaker_name="Unknown_01")
        assert found["conversations"][0]["title"] == f"Conversation {id_}"
        assert (await call(client, "list_conversations"))["conversations"][0]["title"] == title  # as it is stored


async def test_segments_say_their_language(client: Client, database: Database) -> None:
    content = transcript([voice(1)])
    spoken = [replace(segment, language=code) for segment, code in zip(content.segments, ["en", "de", "de", None], strict=True)]
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await transcripts.save(session, id_, replace(content, segments=tuple(spoken)), RULES)
    found = await call(client, "get_conversation", conversation_id=id_)
    assert found["languages"] == ["de", "en"]
    for segments in (found["segments"], (await call(client, "get_latest_segments", conversation_id=id_))["segments"]):
        assert [segment["language"] for segment in segments] == ["en", "de", "de", None]


async def test_long_conversations_come_in_pages(client: Client, database: Database) -> None:
    id_ = await talk(database, 1, lines=5)
    first = await call(client, "get_conversation", conversation_id=id_, limit=3)
    rest = await call(client, "get_conversation", conversation_id=id_, limit=3, skip=first["next_skip"])
    assert [line["text"] for line in first["segments"] + rest["segments"]] == [f"Line {i}." for i in range(5)]
    assert rest["next_skip"] is None


async def test_speakers(client: Client, database: Database) -> None:
    await talk(database, 1, 2, 3)
    speakers = (await call(client, "list_speakers"))["speakers"]
    ids = {speaker["name"]: speaker["id"] for speaker in speakers}
    assert list(ids) == ["Unknown_01", "Unknown_02", "Unknown_03"]
    renamed = await call(client, "rename_speaker", speaker_id=ids["Unknown_02"], new_name="Ada")
    assert (renamed["id"], renamed["name"]) == (ids["Unknown_02"], "Ada")
    assert [s["name"] for s in (await call(client, "list_speakers"))["speakers"]] == ["Ada", "Unknown_01", "Unknown_03"]
    assert (await call(client, "list_speakers", query="KNOWN", limit=1))["total"] == 2
    merged = await call(client, "merge_speakers", speaker_id=ids["Unknown_01"], into_speaker_id=ids["Unknown_02"])
    assert (merged["name"], merged["segment_count"]) == ("Ada", 3)
    gone = await call(client, "delete_all_unknown_speakers")
    assert (gone["success"], gone["deleted_count"], gone["deleted_speakers"]) == (True, 1, ["Unknown_03"])
    assert (await call(client, "delete_speaker", speaker_id=merged["id"]))["message"] == "Speaker 'Ada' deleted successfully"
    assert (await call(client, "list_speakers"))["total"] == 0


async def test_emotions(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    (first, *_) = (await call(client, "get_conversation", conversation_id=id_))["segments"]
    done = await call(client, "correct_emotion", segment_id=first["id"], emotion="Angry")
    assert (done["old_emotion"], done["new_emotion"], done["sample_count"]) == ("happy", "angry", 1)
    assert (await call(client, "search_transcripts", emotion="angry"))["results"][0]["id"] == first["id"]
    assert "use one of angry" in await refused(client, "correct_emotion", segment_id=first["id"], emotion="hangry")


async def test_search(client: Client, database: Database) -> None:
    id_ = await talk(database, 1, 2)
    found = await call(client, "search_transcripts", query="line 2 or 3", speaker="UNKNOWN_02")
    (hit,) = found["results"]
    assert (hit["conversation_id"], hit["snippet"], hit["speaker_name"]) == (id_, "**Line** **3**.", "Unknown_02")
    assert (found["total"], found["total_is_exact"], found["next_skip"]) == (1, True, None)
    assert hit["matched"] == "words"
    asked = await call(client, "search_transcripts", query="what did Unknown_02 say about line today?")
    assert [part["text"] for part in asked["recognized"]] == ["Unknown_02", "today"]
    page = await call(client, "search_transcripts", query="line", limit=3, order="oldest")
    assert (len(page["results"]), page["total"], page["next_skip"]) == (3, 4, 3)
    assert (await call(client, "search_transcripts", query="line", since="2099-01-01"))["results"] == []
    assert (await call(client, "search_transcripts", query="line", until="2099-01-01T00:00:00+05:00"))["total"] == 4


async def test_statistics(client: Client, database: Database) -> None:
    id_ = await talk(database, 1, 2, lines=3)
    speakers = (await call(client, "speaker_statistics", conversation_id=id_))["speakers"]
    assert [(one["speaker_name"], one["segments"], one["seconds"]) for one in speakers] == [
        ("Unknown_01", 2, 3.0),
        ("Unknown_02", 1, 1.5),
    ]
    assert speakers[0]["share"] == pytest.approx(2 / 3, abs=1e-3)
    assert speakers[0]["emotions"] == {"happy": 2}
    await talk(database, 1)
    one = await call(client, "speaker_statistics", speaker_name="Unknown_01")
    assert (one["conversations"], one["speakers"][0]["segments"]) == (2, 6)
    assert one["first_heard"] < one["last_heard"]
    assert "speaker_name, conversation_id, or both" in await refused(client, "speaker_statistics")


async def test_exports(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    text = await call(client, "export_transcript", conversation_id=id_)
    assert text["content"].startswith("[00:00:00] Unknown_01 (happy): Line 0.\n")
    srt = await call(client, "export_transcript", conversation_id=id_, format="srt")
    assert srt["content"].startswith("1\n00:00:00,000 --> ")
    assert srt["download"] == f"/api/v1/conversations/{id_}/transcript?format=srt"


async def test_the_live_conversation_is_followed(client: Client, database: Database) -> None:
    assert not (await call(client, "get_live_conversation"))["live"]
    id_ = await talk(database, 1)
    async with database.session() as session:
        await session.execute(update(Conversation).where(Conversation.id == id_).values(status="recording"))
    live = await call(client, "get_live_conversation", limit=2)
    assert (live["live"], live["conversation_id"], [line["text"] for line in live["segments"]]) == (
        True,
        id_,
        ["Line 2.", "Line 3."],
    )
    news = await call(client, "get_live_conversation", after_segment_id=live["segments"][0]["id"])
    assert [line["text"] for line in news["segments"]] == ["Line 3."]
    assert news["last_segment_id"] == live["last_segment_id"]


async def test_a_recording_is_fetched_processed_and_processed_again(client: Client, url: str) -> None:
    done = await call(client, "process_audio", url=f"{url}/talk.wav", title="Parrots")
    assert (done["status"], done["progress"]) == ("completed", 1.0)
    read = await call(client, "get_conversation", conversation_id=done["conversation_id"])
    assert (read["title"], read["segments"][0]["text"], read["language"]) == ("Parrots", "The parrot is dead.", "en")
    again = await call(client, "reprocess_conversation", conversation_id=done["conversation_id"])
    assert (again["message"], again["segments"]) == ("Conversation reprocessed", 1)
    for tool, what in (("process_audio", {"url": f"{url}/talk.wav"}), ("reprocess_conversation", {"conversation_id": 1})):
        assert "name one of whisper-base, large-v3-turbo" in await refused(client, tool, **what, model="large-v3")
    assert "does not translate" in await refused(
        client, "process_audio", url=f"{url}/talk.wav", model="turbo", task="translate"
    )
    assert "answered 404" in await refused(client, "process_audio", url=f"{url}/nothing.wav")
    assert "http" in await refused(client, "process_audio", url="file:///etc/passwd")


async def test_a_recording_without_words(client: Client, url: str) -> None:
    done = await call(client, "process_audio", url=f"{url}/talk.wav", enable_transcription=False, model="turbo")
    (segment,) = (await call(client, "get_conversation", conversation_id=done["conversation_id"]))["segments"]
    assert (segment["text"], segment["emotion_category"], "words" in segment) == ("", "sad", False)
    assert (segment["activation"], segment["valence"]) == (pytest.approx(-0.27 * 0.8), pytest.approx(-0.63 * 0.8))
    await call(client, "reprocess_conversation", conversation_id=done["conversation_id"])
    read = await call(client, "get_conversation", conversation_id=done["conversation_id"], word_timestamps=True)
    assert read["segments"][0]["words"][1] == {"word": " parrot", "start": 1.0, "end": 1.9}
    await call(client, "reprocess_conversation", conversation_id=done["conversation_id"], enable_transcription=False)
    read = await call(client, "get_conversation", conversation_id=done["conversation_id"], word_timestamps=True)
    assert (read["segments"][0]["text"], read["segments"][0]["words"]) == ("", [])


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("get_conversation", {"conversation_id": 99}, "list_conversations"),
        ("get_conversation", {"conversation_id": "seven"}, "conversation_id: "),
        ("get_conversation", {}, "conversation_id: Field required"),
        ("get_latest_segments", {}, "process_audio"),
        ("identify_speaker_in_segment", {"segment_id": 99, "speaker_name": "Ada"}, "search_transcripts"),
        ("identify_speaker_in_segment", {"segment_id": 99, "speaker_name": " "}, "speaker_name: "),
        ("identify_speaker_in_segment", {"segment_id": 99, "speaker_name": "a\0b"}, "control characters"),
        ("rename_speaker", {"speaker_id": 99, "new_name": "Ada"}, "list_speakers"),
        ("search_conversations_by_speaker", {"speaker_name": "Nobody"}, "There is no speaker 'Nobody'"),
        ("search_transcripts", {"query": "x" * 2000}, "at most 1000"),
        ("correct_emotion", {"segment_id": 99, "emotion": "sad"}, "Segment not found"),
        ("reprocess_conversation", {"conversation_id": 99}, "Conversation not found"),
    ],
)
async def test_what_goes_wrong_says_what_to_try(client: Client, tool: str, arguments: dict[str, Any], says: str) -> None:
    assert says in await refused(client, tool, **arguments)


async def test_numbers_may_come_as_text(client: Client, database: Database) -> None:
    id_ = await talk(database, 1)
    assert (await call(client, "get_conversation", conversation_id=str(id_), limit="2"))["returned_segments"] == 2
    assert (await call(client, "get_latest_segments", conversation_id=""))["conversation_id"] == id_


async def test_a_conversation_is_a_resource(client: Client, database: Database) -> None:
    id_ = await talk(database, 1, 2)
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "conversation://{conversation_id}"
    (content,) = (await client.read_resource(f"conversation://{id_}")).contents
    assert content.mime_type == "text/markdown"
    assert "# A talk" in content.text  # type: ignore[union-attr]
    assert "**Unknown_02** [0:00:02]: Line 1." in content.text  # type: ignore[union-attr]
    for missing in ("999", "x"):
        with pytest.raises(Exception, match="list_conversations"):
            await client.read_resource(f"conversation://{missing}")


async def test_prompts(client: Client) -> None:
    assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["summarise_conversation", "who_said_what"]
    about = await client.get_prompt("who_said_what", {"topic": "the invoice"})
    assert "“the invoice” in all conversations" in about.messages[0].content.text  # type: ignore[union-attr]
    prompt = await client.get_prompt("summarise_conversation", {"conversation_id": "7"})
    content = prompt.messages[0].content
    assert isinstance(content, TextContent)
    assert "conversation 7" in content.text


async def test_a_name_in_another_spelling_is_the_same_speaker(client: Client, database: Database) -> None:
    nfd = unicodedata.normalize("NFD", "José")
    await talk(database, 1, 2)
    lines = (await call(client, "get_latest_segments"))["segments"]
    await call(client, "identify_speaker_in_segment", segment_id=lines[0]["id"], speaker_name=nfd)
    same = await call(client, "identify_speaker_in_segment", segment_id=lines[1]["id"], speaker_name="\u200bJOSÉ\u00a0")
    assert same["speaker_name"] == unicodedata.normalize("NFC", nfd)
    assert (await call(client, "search_conversations_by_speaker", speaker_name=nfd))["speaker_name"] == same["speaker_name"]
    assert (await call(client, "search_transcripts", query="line", speaker=nfd))["total"] == 4
    assert (await call(client, "list_speakers", query="JOS\u200b"))["total"] == 1
    for tool, arguments in {
        "identify_speaker_in_segment": {"segment_id": lines[0]["id"], "speaker_name": "\u200b"},
        "search_transcripts": {"query": "line", "speaker": "\u2060"},
        "list_speakers": {"query": "\ufeff"},
    }.items():
        assert "no visible character" in await refused(client, tool, **arguments)
