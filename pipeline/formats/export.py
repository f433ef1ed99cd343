"""Render transcripts as files: subtitles (SRT, WebVTT), plain text, tables (CSV), and RTTM for diarization tools.

Names and words are untrusted: each format escapes what would end a row, close a cue or be read as markup or a formula.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate
from unicodedata import category

from pipeline.types import EMOTIONS, ConversationSegment, Turn, Word

MAX_CUE_CHARACTERS = 84
"""Two rows of 42, the usual limit of a subtitle."""

MAX_CUE_S = 7.0
"""The usual limit of a subtitle's time on the screen."""


def to_srt(segments: Sequence[ConversationSegment]) -> str:
    """SubRip. It has no escapes, so characters that players read as markup are replaced by look-alikes."""
    cues = (f"{_srt_time(cue.start_offset)} --> {_srt_time(cue.end_offset)}\n{_srt_text(cue)}\n" for cue in _cues(segments))
    return "\n".join(f"{number}\n{cue}" for number, cue in enumerate(cues, 1))


def to_vtt(segments: Sequence[ConversationSegment]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/). Each cue has a voice tag with the emotion as class: `<v.happy Ana>Hello`."""
    cues = (
        f"{_vtt_time(cue.start_offset)} --> {_vtt_time(cue.end_offset)}\n{_vtt_voice(cue)}{escape(cue.text, quote=False)}\n"
        for cue in _cues(segments)
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_txt(segments: Sequence[ConversationSegment]) -> str:
    """One row per segment: `[00:00:06] Ana (happy): Hello`."""
    return "".join(
        f"[{_clock(int(segment.start_offset))}] {_speaker(segment)}: {segment.text}\n" for segment in _cleaned(segments)
    )


def to_csv(segments: Sequence[ConversationSegment]) -> str:
    """RFC 4180 with a header and one record per segment. Text that a spreadsheet would run as a formula gets an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("start", "end", "speaker", "emotion", "emotion_confidence", "text", "language", "activation", "valence"))
    for segment in _cleaned(segments):
        times = (f"{segment.start_offset:.3f}", f"{segment.end_offset:.3f}")
        confidence, *axes = map(_number, (segment.emotion_confidence, segment.activation, segment.valence))
        names = (_cell(segment.speaker_name), _cell(_clean(segment.emotion_category or "")))
        writer.writerow((*times, *names, confidence, _cell(segment.text), segment.language or "", *axes))
    return file.getvalue()


def to_rttm(turns: Sequence[Turn], uri: str) -> str:
    """NIST Rich Transcription Time Marked, one row per turn. Spaces separate the fields, so names lose spaces and quotes."""
    return "".join(
        f"SPEAKER {_token(uri)} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {_token(turn.speaker)} <NA> <NA>\n"
        for turn in turns
        if turn.end > turn.start
    )


@dataclass(frozen=True, slots=True)
class ExportInput:
    """The exportable parts of a conversation."""

    name: str
    segments: Sequence[ConversationSegment]
    turns: Sequence[Turn]
    """The diarizer's, under the speakers' names."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. The result of `render` is to be encoded as UTF-8."""

    media_type: str
    render: Callable[[ExportInput], str]


FORMATS: Mapping[str, Format] = {
    "srt": Format("application/x-subrip", lambda source: to_srt(source.segments)),
    "vtt": Format("text/vtt", lambda source: to_vtt(source.segments)),
    "txt": Format("text/plain", lambda source: to_txt(source.segments)),
    "csv": Format("text/csv", lambda source: to_csv(source.segments)),
    "rttm": Format("text/plain", lambda source: to_rttm(source.turns, source.name)),
}
"""By file extension."""

# Line breaks and control characters end a row; bidirectional embeddings, overrides and isolates would reorder the text after
# them; surrogates cannot be encoded as UTF-8.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a formula (https://owasp.org/www-community/attacks/CSV_Injection); full-width ones in East Asia."""
_SRT_MARKUP = str.maketrans("<>{}", "\u2039\u203a()")


def _clean(text: str) -> str:
    return " ".join(_DIRECTIONS.sub("", _BREAKS.sub(" ", text)).split())


def _cleaned(segments: Sequence[ConversationSegment]) -> Iterator[ConversationSegment]:
    """The segments that have text, cleaned and in order of time."""
    for segment in sorted(segments, key=lambda segment: segment.start_offset):
        if text := _clean(segment.text):
            yield replace(segment, speaker_name=_clean(segment.speaker_name), text=text)


def _cues(segments: Sequence[ConversationSegment]) -> Iterator[ConversationSegment]:
    for cue in _cleaned([part for segment in segments for part in _divide(segment)]):
        start = round(max(0.0, cue.start_offset), 3)
        # WebVTT does not allow a cue without duration.
        yield replace(cue, start_offset=start, end_offset=max(round(cue.end_offset, 3), start + 0.001))


def _divide(segment: ConversationSegment) -> Iterator[ConversationSegment]:
    """Parts that fit into a cue, divided between words; the whole segment where its words do not spell its text."""
    text, words = segment.text.strip(), segment.words or ()
    fits = len(text) <= MAX_CUE_CHARACTERS and segment.end_offset - segment.start_offset <= MAX_CUE_S
    if fits or len(words) < 2 or "".join(word.text for word in words).strip() != text:
        yield segment
        return
    middle = _middle(words)
    for part in (words[:middle], words[middle:]):
        text = "".join(word.text for word in part)
        yield from _divide(replace(segment, start_offset=part[0].start, end_offset=part[-1].end, text=text, words=part))


def _middle(words: tuple[Word, ...]) -> int:
    """The index to divide at: near the middle, preferably after a punctuation mark."""
    lengths = list(accumulate(len(word.text) for word in words))

    def imbalance(index: int) -> tuple[float, int]:
        punctuated = category(words[index - 1].text[-1:] or " ") == "Po"
        by_length = abs(2 * lengths[index - 1] - lengths[-1])
        return by_length * (0.4 if punctuated else 1.0), abs(2 * index - len(words))

    return min(range(1, len(words)), key=imbalance)


def _speaker(segment: ConversationSegment) -> str:
    emotion = segment.emotion_category
    return f"{segment.speaker_name} ({_clean(emotion)})" if emotion else segment.speaker_name


def _srt_text(cue: ConversationSegment) -> str:
    return (f"{cue.speaker_name}: {cue.text}" if cue.speaker_name else cue.text).translate(_SRT_MARKUP)


def _vtt_voice(cue: ConversationSegment) -> str:
    if not cue.speaker_name:
        return ""
    emotion = f".{cue.emotion_category}" if cue.emotion_category in EMOTIONS else ""
    return f"<v{emotion} {escape(cue.speaker_name, quote=False)}>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _token(name: str) -> str:
    # Common readers parse a leading " as CSV quoting.
    return _clean(name).replace(" ", "_").replace('"', "'") or "<NA>"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _vtt_time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{_clock(milliseconds // 1000)}.{milliseconds % 1000:03}"


def _srt_time(seconds: float) -> str:
    return _vtt_time(seconds).replace(".", ",")
