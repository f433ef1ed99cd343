"""Transcripts as files: subtitles (SRT, WebVTT), plain text, tables (CSV), and RTTM for diarization tools.

Names and words are anybody's: in each format they are kept from ending a line, closing a cue or passing for markup or formulas.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate
from unicodedata import category

from pipeline.types import EMOTIONS, Turn, Word

CUE_CHARACTERS = 84
"""Two rows of 42, the usual limit of a subtitle."""

CUE_SECONDS = 7.0
"""The usual limit of a subtitle's time on the screen."""


@dataclass(frozen=True, slots=True)
class Line:
    """A segment as readers see it: the speaker has a name, and the text may have been corrected by hand."""

    start: float
    end: float
    speaker: str
    text: str
    emotion: str | None = None
    emotion_confidence: float | None = None
    words: tuple[Word, ...] = ()
    """With times; where they spell `text`, a line too long for one subtitle is divided between them."""


def to_srt(lines: Sequence[Line]) -> str:
    """SubRip. It knows no escapes, so characters that players take for markup are replaced by their look-alikes."""
    cues = (f"{_srt_time(cue.start)} --> {_srt_time(cue.end)}\n{_srt_text(cue)}\n" for cue in _cues(lines))
    return "\n".join(f"{number}\n{cue}" for number, cue in enumerate(cues, 1))


def to_vtt(lines: Sequence[Line]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/) with a voice tag a cue, whose class is the emotion: `<v.happy Ana>Hello`."""
    cues = (
        f"{_vtt_time(cue.start)} --> {_vtt_time(cue.end)}\n{_vtt_voice(cue)}{escape(cue.text, quote=False)}\n"
        for cue in _cues(lines)
    )
    return "\n".join(["WEBVTT\n", *cues])


def to_txt(lines: Sequence[Line]) -> str:
    """A row a line: `[00:00:06] Ana (happy): Hello`."""
    return "".join(f"[{_clock(int(line.start))}] {_speaker(line)}: {line.text}\n" for line in _clean_lines(lines))


def to_csv(lines: Sequence[Line]) -> str:
    """RFC 4180 with a header, a record a line. What a spreadsheet would take for a formula begins with an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("start", "end", "speaker", "emotion", "emotion_confidence", "text"))
    for line in _clean_lines(lines):
        confidence = "" if line.emotion_confidence is None else f"{line.emotion_confidence:.3f}"
        words = (_cell(line.speaker), _cell(_clean(line.emotion or "")))
        writer.writerow((f"{line.start:.3f}", f"{line.end:.3f}", *words, confidence, _cell(line.text)))
    return file.getvalue()


def to_rttm(turns: Sequence[Turn], uri: str) -> str:
    """NIST Rich Transcription Time Marked: a row a turn. Fields are divided by blanks, so names lose theirs, and quotes too."""
    return "".join(
        f"SPEAKER {_token(uri)} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {_token(turn.speaker)} <NA> <NA>\n"
        for turn in turns
        if turn.end > turn.start
    )


@dataclass(frozen=True, slots=True)
class Transcript:
    """What there is to export of a recording."""

    name: str
    lines: Sequence[Line]
    turns: Sequence[Turn]
    """The diarizer's, under the speakers' names."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. What `render` returns is to be written as UTF-8."""

    media_type: str
    render: Callable[[Transcript], str]


FORMATS: Mapping[str, Format] = {
    "srt": Format("application/x-subrip", lambda transcript: to_srt(transcript.lines)),
    "vtt": Format("text/vtt", lambda transcript: to_vtt(transcript.lines)),
    "txt": Format("text/plain", lambda transcript: to_txt(transcript.lines)),
    "csv": Format("text/csv", lambda transcript: to_csv(transcript.lines)),
    "rttm": Format("text/plain", lambda transcript: to_rttm(transcript.turns, transcript.name)),
}
"""By file extension."""

# Line breaks and controls end a row; embeddings, overrides and isolates of bidirectional text would turn round what follows
# them; surrogates cannot be written as UTF-8.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula (https://owasp.org/www-community/attacks/CSV_Injection); full-width in spreadsheets of East Asia."""
_SRT_MARKUP = str.maketrans("<>{}", "\u2039\u203a()")


def _clean(text: str) -> str:
    return " ".join(_DIRECTIONS.sub("", _BREAKS.sub(" ", text)).split())


def _clean_lines(lines: Sequence[Line]) -> Iterator[Line]:
    for line in sorted(lines, key=lambda line: line.start):
        if text := _clean(line.text):
            yield replace(line, speaker=_clean(line.speaker), text=text)


def _cues(lines: Sequence[Line]) -> Iterator[Line]:
    for cue in _clean_lines([part for line in lines for part in _divide(line)]):
        start = round(max(0.0, cue.start), 3)
        yield replace(cue, start=start, end=max(round(cue.end, 3), start + 0.001))  # WebVTT knows no empty cue


def _divide(line: Line) -> Iterator[Line]:
    text = line.text.strip()
    fits = len(text) <= CUE_CHARACTERS and line.end - line.start <= CUE_SECONDS
    if fits or len(line.words) < 2 or "".join(word.text for word in line.words).strip() != text:
        yield line
        return
    cut = _middle(line.words)
    for words in (line.words[:cut], line.words[cut:]):
        yield from _divide(
            replace(line, start=words[0].start, end=words[-1].end, text="".join(w.text for w in words), words=words)
        )


def _middle(words: tuple[Word, ...]) -> int:
    """Where to divide: near the middle, and rather after a punctuation mark."""
    lengths = list(accumulate(len(word.text) for word in words))

    def imbalance(cut: int) -> tuple[float, int]:
        punctuated = category(words[cut - 1].text[-1:] or " ") == "Po"
        by_length = abs(2 * lengths[cut - 1] - lengths[-1])
        return by_length * (0.4 if punctuated else 1.0), abs(2 * cut - len(words))

    return min(range(1, len(words)), key=imbalance)


def _speaker(line: Line) -> str:
    return f"{line.speaker} ({_clean(line.emotion)})" if line.emotion else line.speaker


def _srt_text(cue: Line) -> str:
    return (f"{cue.speaker}: {cue.text}" if cue.speaker else cue.text).translate(_SRT_MARKUP)


def _vtt_voice(cue: Line) -> str:
    if not cue.speaker:
        return ""
    emotion = f".{cue.emotion}" if cue.emotion in EMOTIONS else ""
    return f"<v{emotion} {escape(cue.speaker, quote=False)}>"


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _token(name: str) -> str:
    return _clean(name).replace(" ", "_").replace('"', "'") or "<NA>"  # common readers take a leading " for CSV quoting


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _vtt_time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{_clock(milliseconds // 1000)}.{milliseconds % 1000:03}"


def _srt_time(seconds: float) -> str:
    return _vtt_time(seconds).replace(".", ",")
