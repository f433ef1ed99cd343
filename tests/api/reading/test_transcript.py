"""A conversation in parts: its head, pages of segments, and who speaks."""

from typing import Any

import pytest
from sqlalchemy import insert, update

from services.identity import transcripts
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.speakers import changes
from storage.tables import SegmentRow, VoiceprintRow
from tests.api.reading.conftest import Served
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, near, voice

MISSING_ID = 999_999


async def test_the_head_has_no_segments(served: Served) -> None:
    whole = await served.ask("GET", f"/conversations/{served.conversation}")
    head = await served.ask("GET", f"/conversations/{served.conversation}?segments=false")
    assert head == whole | {"segments": [], "transcript_segments": []}
    assert (head["num_segments"], head["num_speakers"]) == (4, 2)
    missing = await served.application.client.get(f"/conversations/{MISSING_ID}?segments=false")
    assert missing.status_code == 404


async def test_pages_are_the_whole(served: Served) -> None:
    path = f"/conversations/{served.conversation}"
    whole = (await served.ask("GET", path))["segments"]
    pages = [await served.ask("GET", f"{path}/segments", params={"skip": skip, "limit": 3}) for skip in (0, 3, 6)]
    assert [len(page["segments"]) for page in pages] == [3, 1, 0]
    assert [page["total"] for page in pages] == [4] * 3
    assert [segment for page in pages for segment in page["segments"]] == whole
    assert all(segment["words"] for segment in whole)
    bare = await served.ask("GET", f"{path}/segments", params={"word_timestamps": False})
    assert bare["segments"] == [segment | {"words": None} for segment in whole]
    client = served.application.client
    assert (await client.get(f"/conversations/{MISSING_ID}/segments")).status_code == 404
    for wrong in ({"limit": 1001}, {"limit": 0}, {"skip": -1}):
        assert (await client.get(f"{path}/segments", params=wrong)).status_code == 422


async def participants(served: Served, conversation: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await served.ask("GET", f"/conversations/{conversation}/participants")
    return found


async def test_who_speaks_and_where_to_hear_them(served: Served, database: Database) -> None:
    """Eight lines: the first voice has the even ones, the second the odd ones; lines 2 and 4 are unfit, and 6 is longest."""
    async with database.session() as session:
        id_ = await conversations.create(session, "Another", None, "wav")
        await transcripts.save(session, id_, talk([voice(3), voice(4)], lines=12), RULES)
    lines = (await served.ask("GET", f"/conversations/{id_}"))["segments"]
    async with database.session() as session:
        for number, values in ((2, {"is_misidentified": True}), (4, {"overlap": True}), (6, {"end_offset": 26.0})):
            await session.execute(update(SegmentRow).where(SegmentRow.id == lines[number]["id"]).values(**values))
    first, second = await participants(served, id_)
    assert (first["segments"], first["seconds"], second["seconds"]) == (6, pytest.approx(23.0), pytest.approx(18.0))
    assert first["share"] + second["share"] == pytest.approx(1.0)
    assert first["share"] == pytest.approx(23 / 41)
    assert [sample["segment_id"] for sample in first["samples"]] == [lines[number]["id"] for number in (0, 6, 8, 10)]
    assert first["samples"][1] == {"segment_id": lines[6]["id"], "start_offset": 18.0, "end_offset": 26.0}
    assert (first["is_known"], first["suggestion"]) == (False, None)
    assert (first["speaker_id"], first["speaker_name"]) == (lines[0]["speaker_id"], lines[0]["speaker_name"])
    assert (await served.application.client.get(f"/conversations/{MISSING_ID}/participants")).status_code == 404


async def test_voices_of_one_speaker_are_one_and_those_without_are_apart(served: Served) -> None:
    first, second = served.speakers
    await served.ask("PATCH", f"/speakers/{first}/rename", json={"new_name": "Ann"})
    await served.ask("POST", f"/speakers/{second}/merge", json={"into": first})
    (ann,) = await participants(served, served.conversation)
    assert (ann["speaker_name"], ann["is_known"], ann["segments"], ann["share"]) == ("Ann", True, 4, 1.0)
    assert len(ann["samples"]) == 4
    await served.ask("DELETE", f"/speakers/{first}")
    nobody = await participants(served, served.conversation)
    assert [(one["speaker_id"], one["is_known"], one["segments"], len(one["samples"])) for one in nobody] == [
        (None, False, 2, 2),
        (None, False, 2, 2),
    ]
    assert {one["speaker_name"] for one in nobody} == {"Unknown_A", "Unknown_B"}


async def test_an_unknown_voice_has_a_suggestion(served: Served, database: Database) -> None:
    lines = (await served.ask("GET", f"/conversations/{served.conversation}"))["segments"]
    similarity = RULES.voice.speaker_threshold - 0.01
    async with database.session() as session:
        ann = await changes.create_speaker(session, "Ann")
        row = {"speaker_id": ann, "vector": near(voice(1), similarity), "model": MODEL, "source": "enrolled"}
        await session.execute(insert(VoiceprintRow).values(row))
    found = {one["speaker_id"]: one["suggestion"] for one in await participants(served, served.conversation)}
    suggestion = found.pop(lines[0]["speaker_id"])
    assert (suggestion["other_id"], suggestion["other_name"]) == (ann, "Ann")
    assert suggestion["similarity"] == pytest.approx(similarity, abs=1e-3)
    assert list(found.values()) == [None]
