"""Transcripts and tables as text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any


def transcript(conversation: Mapping[str, Any]) -> str:
    """A conversation as the API returns it, one line a segment: time, speaker, emotion, text."""
    if conversation["status"] == "failed":
        return f"{conversation['title']} failed: {conversation['error']}"
    speakers, languages = conversation["num_speakers"], conversation["languages"]
    lines = [line(segment, with_language=len(languages) > 1) for segment in conversation["segments"]]
    facts = [f"{conversation['duration']:.0f} s", f"{speakers} speaker{'s' * (speakers != 1)}", *languages]
    title = f"{conversation['title']}: {', '.join(facts)}"
    return "\n".join(["", title, *lines, ""])


def line(segment: Mapping[str, Any], *, with_language: bool = False) -> str:
    """One segment as a line."""
    name = segment["speaker_name"] or "?"
    language = f"{segment['language'] or '':<3}  " if with_language else ""
    return f"{clock(segment['start_offset'])}  {name:<12}  {_emotion(segment):<15}  {language}{segment['text']}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows])
    return "\n".join(line.rstrip() for line in lines)


def size(count: int | None) -> str:
    """A number of bytes in MB."""
    return "?" if count is None else f"{count / 1e6:.1f} MB"


def clock(seconds: float) -> str:
    """A time as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths % 600 / 10:04.1f}"


def _emotion(segment: Mapping[str, Any]) -> str:
    return f"{segment['emotion_category']} {segment['emotion_confidence']:.0%}" if segment["emotion_category"] else ""
