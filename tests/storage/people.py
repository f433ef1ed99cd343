"""Conversations with given voices, and functions that read their speakers from the database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from pipeline.types import ConversationSegment, Transcript, Vector, Voiceprint
from services.identity import transcripts
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.tables import ParticipantRow, SegmentRow, Speaker
from tests.storage.transcripts import MODEL, RULES, transcript


def talk(voices: Sequence[Vector | None], lines: int = 4, each: float = 3.0) -> Transcript:
    """A transcript in which every segment has `each` seconds and the voice of its participant."""
    content = transcript(voices, lines)
    voice_of = dict(zip((p.label for p in content.participants), voices, strict=True))
    segments = tuple(
        replace(
            segment,
            start=each * i,
            end=each * (i + 1),
            overlap=False,
            voice=None if (vector := voice_of[segment.speaker]) is None else Voiceprint(vector, MODEL),
        )
        for i, segment in enumerate(content.segments)
    )
    return replace(content, segments=segments, turns=())


async def keep(database: Database, content: Transcript, conversation_id: int | None = None) -> int:
    """Store it; returns the conversation."""
    async with database.session() as session:
        if conversation_id is None:
            conversation_id = await conversations.create(session, "A talk", None, "wav")
        await transcripts.save(session, conversation_id, content, RULES)
    return conversation_id


async def lines(database: Database, conversation_id: int) -> tuple[ConversationSegment, ...]:
    async with database.session() as session:
        found = await conversations.get(session, conversation_id)
    assert found is not None
    return found.segments


async def names(database: Database, conversation_id: int) -> list[str]:
    return [line.speaker_name for line in await lines(database, conversation_id)]


@dataclass(frozen=True)
class State:
    """Speakers, participants and segments: what an undo must restore to the last bit."""

    speakers: tuple[object, ...]
    participants: tuple[object, ...]
    segments: tuple[object, ...]


async def state(database: Database) -> State:
    p, s = ParticipantRow, SegmentRow
    async with database.session() as session:
        people = await session.execute(select(Speaker.id, Speaker.name).order_by(Speaker.id))
        columns = (p.id, p.speaker_id, p.label, p.confidence, p.enrolled, p.model, p.vector)
        voices = await session.execute(select(*columns).order_by(p.id))
        spoken = await session.execute(select(s.id, s.participant_id, s.confidence, s.is_misidentified).order_by(s.id))
        return State(
            tuple(tuple(row) for row in people),
            tuple((*row[:-1], None if row[-1] is None else row[-1].tobytes()) for row in voices),
            tuple(tuple(row) for row in spoken),
        )
