"""Segments of a conversation for tests that store none."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.types import ConversationSegment

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def segment(start: float, end: float, speaker: str, text: str, **values: Any) -> ConversationSegment:
    """A segment of a conversation that started at `START`; `start` and `end` are seconds."""
    return ConversationSegment(
        id=1,
        conversation_id=7,
        participant_id=1,
        speaker_id=None,
        speaker_name=speaker,
        text=text,
        start_time=START + timedelta(seconds=start),
        end_time=START + timedelta(seconds=end),
        start_offset=start,
        end_offset=end,
        **values,
    )
