"""The output of `vivavoce transcribe`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.types import Emotion, Participant, Segment, Transcript, Turn, Word
from vivavoce import transcription

FILE = Path("talks/long talk.MP3")


def line(start: float, speaker: str, text: str, language: str, *, felt: bool = True) -> Segment:
    words = tuple(Word(f" {word}", start + i / 2, start + i / 2 + 0.5, 0.9) for i, word in enumerate(text.split()))
    emotion = Emotion("happy", 0.75, {"happy": 0.75}, np.zeros(4, np.float32), "m") if felt else None
    return Segment(start, words[-1].end, speaker, words, -0.25, overlap=False, language=language, emotion=emotion)


@pytest.fixture
def transcript() -> Transcript:
    """B speaks first; C has a turn but no words."""
    return Transcript(
        duration=3671.5,
        language="en",
        segments=(
            line(1, "B", "Hello there.", "en"),
            line(3600, "A", "Über uns.", "de", felt=False),
            line(3661.25, "B", "Bye.", "en"),
        ),
        participants=tuple(Participant(label, 2.0, None) for label in "ABC"),
        turns=(Turn(1, 2, "B"), Turn(5, 5.5, "C"), Turn(3600, 3601, "A")),
    )


def test_speakers_are_numbered_as_they_come(transcript: Transcript) -> None:
    assert transcription.speaker_names(transcript) == {"B": "Unknown_01", "A": "Unknown_02"}


def test_people_see_time_speaker_emotion_and_words(transcript: Transcript) -> None:
    assert transcription.render(transcript, FILE, None).splitlines() == [
        "",
        "long talk.MP3: 3672 s, 2 speakers, en, de",
        "0:00:01.0  Unknown_01    happy 75%        en   Hello there.",
        "1:00:00.0  Unknown_02                     de   Über uns.",
        "1:01:01.2  Unknown_01    happy 75%        en   Bye.",
    ]


def test_one_language_is_named_once(transcript: Transcript) -> None:
    english = replace(transcript, segments=transcript.segments[::2])
    assert transcription.render(english, FILE, None).splitlines()[1:] == [
        "long talk.MP3: 3672 s, 1 speaker, en",
        "0:00:01.0  Unknown_01    happy 75%        Hello there.",
        "1:01:01.2  Unknown_01    happy 75%        Bye.",
    ]


def test_words_are_left_out_on_request(transcript: Transcript) -> None:
    found = [json.loads(transcription.render(transcript, FILE, "json", words=wanted)) for wanted in (True, False)]
    assert [[segment["words"] is None for segment in one["segments"]] for one in found] == [[False] * 3, [True] * 3]
    assert [[segment["text"] for segment in one["segments"]] for one in found] == [["Hello there.", "Über uns.", "Bye."]] * 2


def test_json_counts_and_numbers(transcript: Transcript) -> None:
    found = json.loads(transcription.render(transcript, FILE, "json"))
    assert (found["title"], found["audio_format"], found["duration"]) == ("long talk.MP3", "mp3", 3671.5)
    assert (found["num_segments"], found["num_speakers"], found["status"]) == (3, 2, "completed")
    assert [(s["id"], s["speaker_id"], s["speaker_name"]) for s in found["segments"]] == [
        (1, 1, "Unknown_01"),
        (2, 2, "Unknown_02"),
        (3, 1, "Unknown_01"),
    ]
    assert (found["language"], found["languages"]) == ("en", ["en", "de"])
    assert [segment["language"] for segment in found["segments"]] == ["en", "de", "en"]
    assert found["segments"][1]["emotion_category"] is None
    assert found["segments"][0]["words"][1] == {"word": " there.", "start": 1.5, "end": 2.0, "probability": 0.9}


@pytest.mark.parametrize(
    ("format", "has"),
    [
        ("srt", "01:01:01,250 --> 01:01:01,750\nUnknown_01: Bye."),
        ("vtt", "01:00:00.000 --> 01:00:01.000"),
        ("txt", "Unknown_02"),
        ("rttm", "SPEAKER long"),
    ],
)
def test_formats_carry_the_names(transcript: Transcript, format: str, has: str) -> None:
    assert has in transcription.render(transcript, FILE, format)
