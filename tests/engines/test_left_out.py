"""What a transcript leaves out is noted, through the real stages; sound without speech leaves nothing and notes no loss."""

from pathlib import Path

import numpy as np
import pytest

from engines.in_process import LocalStages
from media import recording
from media.decoding import decode
from pipeline.process import Options, process
from pipeline.transcript.notes import NOT_UNDERSTOOD
from pipeline.types import SAMPLE_RATE, Samples, Transcript
from tests.engines.speech import read
from tests.support.program import DATA

pytestmark = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")

READERS = "read_speech/librispeech_test-other"


async def ignore(_stage: str, _fraction: float) -> None: ...


async def transcript(stages: LocalStages, audio: Samples, language: str | None) -> Transcript:
    return await process(audio, len(audio) / SAMPLE_RATE, stages, Options(language=language), ignore)


def stored(name: str, directory: Path) -> Samples:
    """A recording as an upload of it is stored: `tests/api/test_reports.py` processes the same samples."""
    recording.write(directory / "stored.flac", decode(DATA / "edge/reports" / name, max_duration=90))
    return recording.read(directory / "stored.flac")


@pytest.mark.parametrize("language", [None, "de", "hi", "lv", "ta"])
async def test_music_stays_empty_whatever_language_is_given(
    real_stages: LocalStages, tmp_path: Path, language: str | None
) -> None:
    found = await transcript(real_stages, stored("music20.opus", tmp_path), language)
    assert [segment.text for segment in found.segments] == []
    assert NOT_UNDERSTOOD not in [note.message for note in found.notes]


async def test_speech_whose_second_decoding_is_a_loop_is_noted(real_stages: LocalStages) -> None:
    """Whisper writes a loop for this reversed sentence, and leaves it out between the others."""
    before, after = read(f"{READERS}/3005/3005-163389-0001.flac"), read(f"{READERS}/1688/1688-142285-0003.flac")
    unintelligible = read(f"{READERS}/1998/1998-15444-0001.flac")[::-1]
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    found = await transcript(real_stages, np.concatenate([before, pause, unintelligible, pause, after]), "en")
    said = " ".join(segment.text for segment in found.segments)
    assert "fence, tear down the fence." in said
    assert "account of himself" in said
    (note,) = [note for note in found.notes if note.message == NOT_UNDERSTOOD]
    assert note.start == pytest.approx(len(before) / SAMPLE_RATE + 0.5, abs=1.2)
    assert note.end == pytest.approx((len(before) + len(unintelligible)) / SAMPLE_RATE + 0.5, abs=2.5)


async def test_english_and_german_in_one_recording(real_stages: LocalStages, tmp_path: Path) -> None:
    found = await transcript(real_stages, stored("en_then_de.opus", tmp_path), None)
    assert {segment.language for segment in found.segments if segment.end < 39.5} == {"en"}
    german = [segment for segment in found.segments if segment.end >= 39.5]
    assert {segment.language for segment in german} == {"de"}
    said = " ".join(segment.text for segment in german)
    for words in (
        "Lappen",
        "Mittwoch",
        "Heute Abend",
        "Holzstück",
        "sieben Stunden",
        "Tüten",
        "hochgetragen",
        "Wochenenden",
        "Karl",
    ):
        assert words in said
    assert "auf dem Platz sein" in said
    assert found.notes == ()
