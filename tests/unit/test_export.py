"""Exported files read back the same, for all names and texts."""

import csv
import io
import re
from html import unescape
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pyannote.database.util import load_rttm

from pipeline.formats.export import (
    FORMATS,
    MAX_CUE_CHARACTERS,
    MAX_CUE_S,
    ExportInput,
    to_csv,
    to_rttm,
    to_srt,
    to_txt,
    to_vtt,
)
from pipeline.types import EMOTIONS, ConversationSegment, Turn, Word
from tests.support.segments import segment

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\n\r\t\v\f\x00\x1c\x85\u2028\u2029 <>&{}\\-:#;\"'"),
        st.sampled_from("\u202e\u202a\u2067\u2069\u200f\u05d0\u0627\U0001f469\u200d\U0001f52c\ud800"),
    ),
    max_size=40,
) | st.sampled_from(
    ["a --> b", "1\n00:00:01,000 --> 00:00:02,000\nfake", "\n\nNOTE x", "<v Eve>hi", "</v>", "{\\an8}x", "&lt;", "NA"]
)


@st.composite
def lines(draw: st.DrawFn) -> ConversationSegment:
    start = draw(st.floats(0, 400_000))
    return segment(
        start,
        start + draw(st.floats(0, 60)),
        draw(HOSTILE),
        draw(HOSTILE),
        emotion_category=draw(st.none() | st.sampled_from(EMOTIONS) | HOSTILE),
    )


@given(st.lists(lines(), max_size=6))
def test_srt_reads_back(given: list[ConversationSegment]) -> None:
    visible = _visible(given)
    srt = to_srt(given)
    cues = [re.split("\n", block) for block in srt.strip("\n").split("\n\n")] if visible else []
    assert [cue[0] for cue in cues] == [str(number + 1) for number in range(len(visible))]
    for (_, times, text), line in zip(cues, visible, strict=True):
        _assert_times(times.replace(",", "."), line)
        shown = f"{_flat(line.speaker_name)}: {_flat(line.text)}" if _flat(line.speaker_name) else _flat(line.text)
        assert text == shown.replace("<", "\u2039").replace(">", "\u203a").replace("{", "(").replace("}", ")")
    assert srt.count("-->") == len(visible)
    srt.encode()  # raises where a surrogate is left


@given(st.lists(lines(), max_size=6))
def test_vtt_reads_back(given: list[ConversationSegment]) -> None:
    visible = _visible(given)
    header, *cues = to_vtt(given).rstrip("\n").split("\n\n")
    assert header == "WEBVTT"
    for cue, line in zip(cues, visible, strict=True):
        times, text = cue.split("\n")
        _assert_times(times, line)
        tag = re.match(r"<v(\.[a-z]+)? ([^<>]+)>", text)
        assert (_unescape(tag[2]) if tag else "") == _flat(line.speaker_name)
        assert _unescape(text[tag.end() :] if tag else text) == _flat(line.text)
        if tag:
            assert (tag[1] or "").removeprefix(".") == (line.emotion_category if line.emotion_category in EMOTIONS else "")
        assert not re.search(r"[<>]|-->", text[tag.end() :] if tag else text)
    starts = [cue.split(" ")[0] for cue in cues]
    assert [_seconds(start) for start in starts] == sorted(_seconds(start) for start in starts)


@given(st.lists(lines(), max_size=6))
def test_txt_has_a_row_for_each_segment(given: list[ConversationSegment]) -> None:
    txt = to_txt(given)
    assert txt.count("\n") == len(_visible(given)) == len(txt.splitlines())
    for row, line in zip(txt.splitlines(), _visible(given), strict=True):
        assert row.startswith("[")
        assert row.endswith(f": {_flat(line.text)}")


@given(st.lists(lines(), max_size=6))
def test_csv_reads_back_and_holds_no_formula(given: list[ConversationSegment]) -> None:
    visible = _visible(given)
    header, *rows = csv.reader(io.StringIO(to_csv(given), newline=""))
    assert header == ["start", "end", "speaker", "emotion", "emotion_confidence", "text", "language", "activation", "valence"]
    for (start, end, *texts), line in zip(rows, visible, strict=True):
        assert (float(start), float(end)) == (round(line.start_offset, 3), round(line.end_offset, 3))
        speaker, emotion, _, text, *_ = texts
        for cell, shown in ((speaker, line.speaker_name), (emotion, line.emotion_category or ""), (text, line.text)):
            assert cell.removeprefix("'") == _flat(shown).removeprefix("'")
            assert not cell.startswith(("=", "+", "-", "@", "\uff1d"))
    to_csv(given).encode()


def test_csv_example() -> None:
    given = [
        segment(
            *(1.5, 2.25, '=HYPERLINK("x")', "Hi, there"),
            emotion_category="happy",
            emotion_confidence=0.5,
            language="en",
            activation=-0.25,
            valence=0.5,
        ),
        segment(3, 4, "Ana", "-1"),
        segment(5, 6, "Ana", " \n"),
    ]
    assert to_csv(given).split("\r\n") == [
        "start,end,speaker,emotion,emotion_confidence,text,language,activation,valence",
        '1.500,2.250,"\'=HYPERLINK(""x"")",happy,0.500,"Hi, there",en,-0.250,0.500',
        "3.000,4.000,Ana,,,'-1,,,",
        "",
    ]


@given(st.lists(lines(), max_size=6), HOSTILE)
def test_rttm_has_ten_fields(given: list[ConversationSegment], uri: str) -> None:
    rows = to_rttm([Turn(line.start_offset, line.end_offset, line.speaker_name) for line in given], uri).splitlines()
    lasting = [line for line in given if line.end_offset > line.start_offset]
    for row, line in zip(rows, lasting, strict=True):
        fields = row.split()
        assert len(fields) == 10
        assert (fields[0], fields[2], fields[5:7], fields[8:]) == ("SPEAKER", "1", ["<NA>", "<NA>"], ["<NA>", "<NA>"])
        assert abs(float(fields[3]) - line.start_offset) <= 0.0005 + 1e-9
        assert abs(float(fields[4]) - (line.end_offset - line.start_offset)) <= 0.0005 + 1e-9
        assert fields[7] == (_flat(line.speaker_name).replace(" ", "_").replace('"', "'") or "<NA>")


def test_rttm_is_read_by_pyannote(tmp_path: Path) -> None:
    turns = [Turn(0.5, 2.25, "Ana Maria"), Turn(2.0, 3.0, '"Bo"'), Turn(3.0, 3.0, "nobody"), Turn(4.0, 5.0, "\u00c9va #1")]
    (tmp_path / "a.rttm").write_text(to_rttm(turns, "my call.wav"), encoding="utf-8")
    annotation = load_rttm(tmp_path / "a.rttm")["my_call.wav"]  # type: ignore[no-untyped-call]
    read = [(turn.start, turn.end, label) for turn, _, label in annotation.itertracks(yield_label=True)]
    assert read == [(0.5, 2.25, "Ana_Maria"), (2.0, 3.0, "'Bo'"), (4.0, 5.0, "\u00c9va_#1")]


def test_examples() -> None:
    given = [
        segment(3661.5, 3663.0, "R&D <Bob>", "5 > 3 & so on", emotion_category="happy", emotion_confidence=0.9),
        segment(6.07, 7.2, "Unknown_01", " Hello?\nYes ", emotion_category="neutral", emotion_confidence=0.5),
    ]
    assert to_txt(given) == ("[00:00:06] Unknown_01 (neutral): Hello? Yes\n[01:01:01] R&D <Bob> (happy): 5 > 3 & so on\n")
    assert to_vtt(given) == (
        "WEBVTT\n\n00:00:06.070 --> 00:00:07.200\n<v.neutral Unknown_01>Hello? Yes\n\n"
        "01:01:01.500 --> 01:01:03.000\n<v.happy R&amp;D &lt;Bob&gt;>5 &gt; 3 &amp; so on\n"
    )
    assert to_srt(given) == (
        "1\n00:00:06,070 --> 00:00:07,200\nUnknown_01: Hello? Yes\n\n"
        "2\n01:01:01,500 --> 01:01:03,000\nR&D \u2039Bob\u203a: 5 \u203a 3 & so on\n"
    )


def test_no_segments() -> None:
    nothing = ExportInput("call", [], [])
    assert [FORMATS[name].render(nothing) for name in ("srt", "vtt", "txt", "rttm")] == ["", "WEBVTT\n", "", ""]
    assert to_srt([segment(0, 1, "Ana", " \n")]) == ""


def test_a_long_segment_is_divided_between_words() -> None:
    text = " We met on Monday, and then again on Wednesday evening, to talk about the house. Nobody came; it rained all day."
    line = _worded(text, seconds_a_word=0.3)
    cues = to_srt([line]).strip().split("\n\n")
    shown = [cue.split("\n")[2].removeprefix("Ana: ") for cue in cues]
    assert shown == [
        "We met on Monday, and then again on Wednesday evening,",
        "to talk about the house. Nobody came; it rained all day.",
    ]
    assert cues[0].split("\n")[1] == "00:00:10,000 --> 00:00:13,000"
    assert cues[1].split("\n")[1] == "00:00:13,000 --> 00:00:16,300"


def test_corrected_text_is_not_divided() -> None:
    line = _worded(" word" * 40, seconds_a_word=1)
    corrected = segment(line.start_offset, line.end_offset, "Ana", "something else " * 20, words=line.words)
    assert to_srt([corrected]).count("-->") == 1
    assert to_txt([line]).count("\n") == 1


@given(st.lists(st.text("ab,. é", max_size=12), min_size=1, max_size=400), st.floats(0.01, 9))
def test_cues_fit_and_lose_no_word(texts: list[str], seconds: float) -> None:
    words = "".join(f" {text}" for text in texts)
    cues = to_vtt([_worded(words, seconds)]).strip().split("\n\n")[1:]
    shown = [cue.split("\n")[1].removeprefix("<v Ana>") for cue in cues]
    assert " ".join(" ".join(shown).split()) == " ".join(words.split())
    for cue, text in zip(cues, shown, strict=True):
        start, _, end = cue.split("\n")[0].split(" ")
        assert " " not in text or (len(text) <= MAX_CUE_CHARACTERS and _seconds(end) - _seconds(start) <= MAX_CUE_S + 0.002)


def test_thousands_of_empty_words_do_not_exhaust_the_stack() -> None:
    words = tuple(Word("", second, second + 1, 1) for second in range(5000))
    assert to_vtt([segment(0, 5000, "Ana", "", words=words)]) == "WEBVTT\n"


def test_formats_take_what_they_need() -> None:
    transcript = ExportInput("call", [segment(1, 2.5, "Ana", "Hi")], [Turn(1.25, 2.5, "Ana")])
    assert FORMATS["rttm"].render(transcript) == "SPEAKER call 1 1.250 1.250 <NA> <NA> Ana <NA> <NA>\n"
    assert FORMATS["srt"].render(transcript) == "1\n00:00:01,000 --> 00:00:02,500\nAna: Hi\n"


def _worded(text: str, seconds_a_word: float) -> ConversationSegment:
    words = tuple(
        Word(word, 10 + number * seconds_a_word, 10 + (number + 1) * seconds_a_word, 0.9)
        for number, word in enumerate(re.findall(r" [^ ]*", text))
    )
    return segment(10, words[-1].end, "Ana", text, words=words)


def _flat(text: str) -> str:
    """One row of text without characters that end a row or change its direction."""
    return " ".join("".join(_harmless(character) for character in text).split())


def _harmless(character: str) -> str:
    code = ord(character)
    if 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
        return ""
    return " " if code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029) or 0xD800 <= code < 0xE000 else character


def _visible(given: list[ConversationSegment]) -> list[ConversationSegment]:
    return [line for line in sorted(given, key=lambda line: line.start_offset) if _flat(line.text)]


def _unescape(text: str) -> str:
    assert not re.search("&(?!(amp|lt|gt);)", text)
    return unescape(text)


def _seconds(time: str) -> float:
    hours, minutes, seconds = re.fullmatch(r"(\d{2,}):([0-5]\d):([0-5]\d\.\d{3})", time).groups()  # type: ignore[union-attr]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _assert_times(times: str, line: ConversationSegment) -> None:
    start, end = (_seconds(time) for time in times.split(" --> "))
    assert abs(start - line.start_offset) <= 0.0005 + 1e-6
    assert abs(end - line.end_offset) <= 0.0016
    assert end > start
