"""A call of every tool, in an order in which all succeed."""

from typing import Any

from mcp import Client

from mcp_server.server import TOOLS
from services.identity import transcripts
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.transcripts import RULES, transcript, voice

NEED_A_LANGUAGE_MODEL = {"ask_memory"}
"""In tests/api/memory."""


async def every_call(client: Client, url: str, database: Database) -> dict[str, dict[str, Any]]:
    """The arguments of each tool, for a conversation and a recording that this stores."""
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", "f" * 32 + ".flac", "flac")
        await transcripts.save(session, id_, transcript([voice(1), voice(2), voice(3)]), RULES)
    page = await _structure(client, "get_conversation", conversation_id=id_)
    ids = {speaker["name"]: speaker["id"] for speaker in (await _structure(client, "list_speakers"))["speakers"]}
    processed = (await _structure(client, "process_audio", url=f"{url}/talk.wav"))["conversation_id"]
    segment, one, two = page["segments"][0]["id"], ids["Unknown_01"], ids["Unknown_02"]
    calls: dict[str, dict[str, Any]] = {
        "list_conversations": {},
        "get_conversation": {"conversation_id": id_},
        "get_latest_segments": {},
        "get_live_conversation": {},
        "search_transcripts": {"query": "line"},
        "search_conversations_by_speaker": {"speaker_name": "Unknown_01"},
        "speaker_statistics": {"speaker_name": "Unknown_01"},
        "export_transcript": {"conversation_id": id_},
        "list_speakers": {},
        "identify_speaker_in_segment": {"segment_id": segment, "speaker_name": "Ada"},
        "correct_emotion": {"segment_id": segment, "emotion": "sad"},
        "correct_transcript": {"conversation_id": id_, "segment_id": segment, "text": "Other words."},
        "rename_speaker": {"speaker_id": one, "new_name": "Ada L."},
        "merge_speakers": {"speaker_id": two, "into_speaker_id": one},
        "undo_last_speaker_change": {},
        "delete_speaker": {"speaker_id": two},
        "delete_all_unknown_speakers": {},
        "update_conversation_title": {"conversation_id": id_, "title": "Weather"},
        "process_audio": {"url": f"{url}/talk.wav"},
        "reprocess_conversation": {"conversation_id": processed},
        "erase_conversation": {"conversation_id": processed},
        "erase_speaker": {"speaker_id": two},  # deleted before
    }
    assert calls.keys() | NEED_A_LANGUAGE_MODEL == {tool.__name__ for tool, *_ in TOOLS}
    return calls


async def _structure(client: Client, tool: str, **arguments: Any) -> Any:
    return (await client.call_tool(tool, arguments)).structured_content
