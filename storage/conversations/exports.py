"""A conversation as `pipeline.formats.export` takes it."""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats import export
from pipeline.types import Word
from storage.conversations import segments
from storage.conversations.conversations import ConversationDetail
from storage.conversations.segments import SegmentLine


async def transcript(session: AsyncSession, conversation: ConversationDetail) -> export.Transcript:
    """Its lines and turns, under the speakers' present names."""
    turns = await segments.turns_of_conversation(session, conversation.id)
    return export.Transcript(f"conversation_{conversation.id}", [_line(line) for line in conversation.segments], turns)


def _line(line: SegmentLine) -> export.Line:
    return export.Line(
        start=line.start_offset,
        end=line.end_offset,
        speaker=line.speaker_name,
        text=line.text,
        emotion=line.emotion_category,
        emotion_confidence=line.emotion_confidence,
        words=tuple(Word(word["word"], word["start"], word["end"], word["probability"]) for word in line.words or ()),
    )
