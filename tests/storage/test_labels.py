"""Labels name the true speaker of a segment and change nothing else."""

import pytest
from sqlalchemy import select

from pipeline.access import LOCAL
from storage.conversations import conversations, labels
from storage.postgres.database import Database
from storage.tables import SegmentRow
from tests.storage.archive import add_speaker, add_talk


async def talk(database: Database, lines: int = 4) -> tuple[int, list[int]]:
    """A conversation of Ana and an unknown speaker; returns its id and those of its segments."""
    async with database.session() as session:
        ana = await add_speaker(session, f"Ana {lines}")
        id_ = await add_talk(session, [ana, None], lines)
        mine = select(SegmentRow.id).where(SegmentRow.conversation_id == id_).order_by(SegmentRow.position)
        return id_, list(await session.scalars(mine))


async def test_a_label_is_kept_and_replaced_and_taken_away(database: Database) -> None:
    id_, (first, *_) = await talk(database)
    async with database.session() as session:
        before = await conversations.get(session, id_)
        await labels.put(session, id_, {first: " B\0o "}, "Eve", "at the window")
        found = await labels.get(session, id_, first)
        assert found is not None
        assert (found.speaker_name, found.labeled_by, found.notes) == ("Bo", "Eve", "at the window")
        await labels.put(session, id_, {first: "Ana"})
        found = await labels.get(session, id_, first)
        assert found is not None
        assert (found.speaker_name, found.labeled_by, found.notes) == ("Ana", None, None)
        assert await conversations.get(session, id_) == before
        assert await labels.remove(session, id_, first)
        assert not await labels.remove(session, id_, first)
        assert await labels.get(session, id_, first) is None


async def test_what_is_not_there_cannot_be_labelled(database: Database) -> None:
    id_, (first, *_) = await talk(database)
    other, _ = await talk(database, 2)
    async with database.session() as session:
        for conversation, segment in ((other, first), (id_, 10**15), (10**9, first)):
            with pytest.raises(LookupError, match="Segment not found"):
                await labels.put(session, conversation, {segment: "Ana"})
            with pytest.raises(LookupError, match="Segment not found"):
                await labels.get(session, conversation, segment)
        with pytest.raises(LookupError, match="Segment not found"):
            await labels.put(session, id_, {first: "Ana", 10**15: "Ana"})
        with pytest.raises(LookupError, match="Conversation not found"):
            await labels.of_conversation(session, 10**9)
        assert await labels.of_conversation(session, id_) == []


async def test_thousands_are_labelled_at_once_and_listed_in_order(database: Database) -> None:
    id_, segments = await talk(database, 2100)
    async with database.session() as session:
        await labels.put(session, id_, {segment: f"Voice {i % 2}" for i, segment in enumerate(segments)}, "Eve")
        listed = await labels.of_conversation(session, id_)
    assert [label.segment_id for label in listed] == segments
    assert [label.speaker_name for label in listed[:3]] == ["Voice 0", "Voice 1", "Voice 0"]


async def test_labelled_lines_come_with_whom_the_transcript_takes_for_their_speaker(database: Database) -> None:
    id_, segments = await talk(database)
    other, others = await talk(database, 2)
    async with database.session() as session:
        await labels.put(session, id_, {segments[1]: "Bo", segments[0]: "Ana"})
        await labels.put(session, other, {others[0]: "Cy"})
        every = await labels.labelled_segments(session, LOCAL, None, 10)
        assert [(line.segment_id, line.truth, line.speaker_name) for line in every] == [
            (segments[0], "Ana", "Ana 4"),
            (segments[1], "Bo", None),
            (others[0], "Cy", "Ana 2"),
        ]
        assert [line.segment_id for line in await labels.labelled_segments(session, LOCAL, [other], 10)] == [others[0]]
        assert len(await labels.labelled_segments(session, LOCAL, None, 2)) == 2
        assert (every[1].start, every[1].end) == (2.0, 3.5)


async def test_labels_go_with_their_conversation(database: Database) -> None:
    id_, (first, *_) = await talk(database)
    async with database.session() as session:
        await labels.put(session, id_, {first: "Ana"})
        await conversations.remove(session, id_)
        assert await labels.labelled_segments(session, LOCAL, None, 10) == []
