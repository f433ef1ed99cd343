"""A conversation as Markdown, for a context window."""

import re

from storage.conversations.conversations import ConversationSummary
from storage.conversations.excerpts import Line

_SPECIAL = re.compile(r"([\\`*\[\]<>])")


def render(conversation: ConversationSummary, lines: list[Line]) -> str:
    """A heading, what is known of the recording, and a paragraph for each turn of a speaker with the time it begins."""
    title = conversation.title or f"Conversation {conversation.id}"
    facts = [f"{conversation.start_time:%Y-%m-%d %H:%M} UTC", f"{conversation.num_speakers} speaker(s)", conversation.status]
    if conversation.duration is not None:
        facts.insert(1, _clock(conversation.duration))
    paragraphs = [f"# {_plain(title)}", " · ".join(facts)]
    speaker = None
    for line in lines:
        text = _plain(line.text) + (f" *({line.emotion_category})*" if line.emotion_category not in (None, "neutral") else "")
        if line.speaker_name == speaker:
            paragraphs[-1] += f" {text}"
        else:
            speaker = line.speaker_name
            paragraphs.append(f"**{_plain(speaker)}** [{_clock(line.start_offset)}]: {text}")
    if len(lines) < conversation.num_segments:
        left = conversation.num_segments - len(lines)
        paragraphs.append(f"… and {left} more line(s): get_conversation with skip={len(lines)} reads on.")
    return "\n\n".join(paragraphs) + "\n"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"
