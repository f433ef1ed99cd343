"""A conversation as Markdown."""

from datetime import UTC, datetime

from mcp_server.markdown import render
from pipeline.types import ConversationSegment
from storage.conversations.conversations import ConversationSummary
from tests.support.segments import segment


def conversation(num_segments: int, title: str | None = "Plans") -> ConversationSummary:
    start = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    facts = (7, title, start, None, 3725.0, "completed", "flac", None, "en", None, 1.0, None, num_segments, 2)
    return ConversationSummary(*facts, None, "everyone", ())


def line(speaker: str, text: str, start: float = 0.0, emotion: str | None = "neutral") -> ConversationSegment:
    return segment(start, start + 1, speaker, text, emotion_category=emotion)


def test_turns_are_paragraphs() -> None:
    found = render(conversation(3), [line("Ada", "Hello."), line("Ada", "Well?", 2), line("Bo", "No!", 3661.5, "angry")])
    assert found == (
        "# Plans\n\n2026-03-01 12:30 UTC · 1:02:05 · 2 speaker(s) · completed\n\n"
        "**Ada** [0:00:00]: Hello. Well?\n\n**Bo** [1:01:01]: No! *(angry)*\n"
    )


def test_text_is_no_markup() -> None:
    found = render(conversation(1, "# <b>*x*"), [line("A*da", "[a](http://evil) `b`\n# c")])
    assert found.startswith("# # \\<b\\>\\*x\\*\n")
    assert "**A\\*da** [0:00:00]: \\[a\\](http://evil) \\`b\\` # c\n" in found


def test_what_is_left_out_is_said() -> None:
    assert "and 4 more line(s): get_conversation with skip=1" in render(conversation(5, None), [line("Ada", "Hello.")])
