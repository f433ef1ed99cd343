"""Render a conversation as Markdown."""

import re
from collections.abc import Sequence

from pipeline.types import ConversationSegment
from storage.conversations.conversations import ConversationSummary

_SPECIAL = re.compile(r"([\\`*\[\]<>])")


def render(conversation: ConversationSummary, segments: Sequence[ConversationSegment]) -> str:
    """A heading, a row of facts, and a paragraph for consecutive segments of one speaker with the time of the first."""
    title = conversation.title or f"Conversation {conversation.id}"
    facts = [f"{conversation.start_time:%Y-%m-%d %H:%M} UTC", f"{conversation.num_speakers} speaker(s)", conversation.status]
    if conversation.duration is not None:
        facts.insert(1, _clock(conversation.duration))
    paragraphs = [f"# {_plain(title)}", " · ".join(facts)]
    speaker = None
    for segment in segments:
        text = _plain(segment.text) + _emotion(segment.emotion_category)
        if segment.speaker_name == speaker:
            paragraphs[-1] += f" {text}"
        else:
            speaker = segment.speaker_name
            paragraphs.append(f"**{_plain(speaker)}** [{_clock(segment.start_offset)}]: {text}")
    if len(segments) < conversation.num_segments:
        left = conversation.num_segments - len(segments)
        paragraphs.append(f"… and {left} more line(s): get_conversation with skip={len(segments)} reads on.")
    return "\n\n".join(paragraphs) + "\n"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _emotion(category: str | None) -> str:
    return "" if category in (None, "neutral") else f" *({category})*"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"
