"""Recordings that were built after reports of faults in other programs: uploaded as files, and streamed where that applies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
import pytest

from engines.in_process import LocalStages
from media.decoding import decode
from pipeline.evaluation.error_rates import word_error_rate
from pipeline.types import SAMPLE_RATE
from tests.api.live import Client, conversation, serving
from tests.support.program import DATA

REPORTS = DATA / "edge" / "reports"

pytestmark = [
    pytest.mark.skipif(not REPORTS.is_dir(), reason="the recordings in ../shared/data are absent"),
    # From numpy, in pyannote's clustering of segments that are too short for an embedding.
    pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered in divide"),
]

FENCE = "Some sung out, tear down the fence, tear down the fence."
ACCOUNT = "I really liked that account of himself better than anything else he said."
GERMAN = (
    "Der Lappen liegt auf dem Eisschrank. Das will sie am Mittwoch abgeben. Heute abend könnte ich es ihm sagen. Das schwarze "
    "Stück Papier befindet sich da oben neben dem Holzstück. In sieben Stunden wird es soweit sein. Was sind denn das für "
    "Tüten, die da unter dem Tisch stehen? Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter. An "
    "den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht. Ich will das eben wegbringen und dann mit "
    "Karl was trinken gehen. Die wird auf dem Platz sein, wo wir sie immer hinlegen."
)
GERMAN_STARTS_S = 40.0
LONGEST_PAUSE_S = 4.0
MAX_WORD_ERRORS = 0.15
TOLERANCE_S = 0.6
"""Of the times of words, which come from attention."""


Door = Callable[..., dict[str, Any]]
"""Takes the address, a file of `REPORTS` and options; returns the conversation."""


@dataclass(frozen=True)
class Sentence:
    text: str
    start: float
    end: float


A, B = Sentence(FENCE, 0.0, 4.8), Sentence(ACCOUNT, 5.4, 9.9)
LATER = Sentence(ACCOUNT, 15.4, 19.9)

FILES = {
    "horn15.opus": [],
    "music20.opus": [],
    "nogap.webm": [A, B],
    "gap10b.webm": [A, LATER],
    "offset8.mp4": [Sentence(FENCE, 8.0, 12.8)],
    "phase_inverted.flac": [A],
    "phase_inverted.webm": [A],
    "two_tracks.mp4": [A, Sentence(ACCOUNT, 6.0, 10.5)],
    "iphone_apac.mp4": [A],
}
STREAMS = ("horn15.opus", "music20.opus", "gap10b.webm", "phase_inverted.webm")


@pytest.fixture(scope="module")
def server(database_url: str, real_stages: LocalStages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("reports")
    model = real_stages.embedder.engine.model  # type: ignore[attr-defined]
    with serving(database_url, directory, real_stages, model, jobs=True) as address:
        yield address


def uploaded(server: str, name: str, **form: str) -> dict[str, Any]:
    with (REPORTS / name).open("rb") as file:
        url, files = f"http://{server}/process", {"audio_file": (name, file)}
        answer = httpx.post(url, files=files, data=form, timeout=600, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["error"]) == ("completed", None)
    return found


def streamed(server: str, name: str, first_s: float = 0.0, **options: Any) -> dict[str, Any]:
    """WebM as it is, other recordings as samples, from `first_s` on."""
    with Client(server) as client:
        if name.endswith(".webm"):
            content, piece = (REPORTS / name).read_bytes(), 4096
            id_ = client.start(encoding="webm", **options)
        else:
            samples = decode(REPORTS / name, max_duration=120)[round(first_s * SAMPLE_RATE) :]
            content, piece = samples.astype("<f4").tobytes(), 4 * SAMPLE_RATE
            id_ = client.start(sample_rate=SAMPLE_RATE, **options)
        for at in range(0, len(content), piece):
            client.socket.send(content[at : at + piece])
            client.until("status")
        done = client.stop()
    found = conversation(server, id_)
    assert (done["status"], found["status"], found["error"]) == ("completed", "completed", None)
    assert len(found["segments"]) == done["num_segments"]
    return found


def check(found: dict[str, Any], name: str) -> None:
    """Compare the words of the transcript and their times with the expected ones of the recording."""
    expected = FILES[name]
    if not expected:
        assert found["segments"] == []
        return
    assert word_error_rate(" ".join(one.text for one in expected), said(found)) <= MAX_WORD_ERRORS
    words = [word for segment in found["segments"] for word in segment["words"]]
    for one in expected:
        near = [word for word in words if one.start - 1 <= word["start"] and word["end"] <= one.end + 1]
        assert word_error_rate(one.text, " ".join(word["word"] for word in near)) <= MAX_WORD_ERRORS
        assert (near[0]["start"], near[-1]["end"]) == pytest.approx((one.start, one.end), abs=TOLERANCE_S)


def said(found: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in found["segments"])


@pytest.mark.parametrize("name", FILES)
def test_a_file(server: str, name: str) -> None:
    check(uploaded(server, name), name)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream(server: str, name: str) -> None:
    check(streamed(server, name), name)


@pytest.mark.parametrize("door", [uploaded, streamed])
def test_a_sentence_said_nine_times(server: str, door: Door) -> None:
    # Whisper base writes it nine to twelve times, and sometimes "care" for "tear", depending on the processor's arithmetic.
    assert 8 <= said(door(server, "chant.opus")).lower().count("down the fence") <= 13


@pytest.mark.parametrize("door", [uploaded, streamed])
def test_no_segment_ends_at_a_title(server: str, door: Door) -> None:
    found = door(server, "mister.opus")
    assert said(found).count("Mr.") == 3
    assert not any(segment["text"].endswith("Mr.") for segment in found["segments"])


@pytest.mark.parametrize("first_s", [None, 28.0], ids=["uploaded", "streamed"])
def test_each_language_is_written_as_it_is_spoken(server: str, first_s: float | None) -> None:
    """A part is streamed: the spans of a stream are processed one by one."""
    name = "en_then_de.opus"
    found = uploaded(server, name) if first_s is None else streamed(server, name, first_s)
    german = [segment for segment in found["segments"] if segment["start_offset"] >= GERMAN_STARTS_S - (first_s or 0.0)]
    assert {segment["language"] for segment in german} == {"de"}
    assert word_error_rate(GERMAN, " ".join(segment["text"] for segment in german)) <= 0.25
    words = [word for segment in found["segments"] for word in segment["words"]]
    assert max(later["start"] - earlier["end"] for earlier, later in pairwise(words)) < LONGEST_PAUSE_S
    english = [segment["language"] for segment in found["segments"] if segment not in german]
    # A live span of two seconds may be taken for another language.
    assert english.count("en") >= len(english) - (first_s is not None)


@pytest.mark.parametrize("door", [uploaded, streamed])
def test_music_has_no_words_where_a_language_is_given(server: str, door: Door) -> None:
    assert door(server, "music20.opus", language="de")["segments"] == []


def test_more_speakers_than_voices(server: str) -> None:
    found = uploaded(server, "nogap.webm", min_speakers="5")
    check(found, "nogap.webm")
    assert [note["kind"] for note in found["notes"]] == ["speakers"]
