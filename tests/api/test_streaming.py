"""Live streams with real engines and real speech, and a client written from the contract alone."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr

from engines.in_process import LocalStages
from pipeline.evaluation.error_rates import word_error_rate
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Samples
from tests.api.live import CLIENT_RATE, PATIENCE_S, Client, conversation, serving, until_status
from tests.unit.media.test_stream import pieces, webm
from vivavoce.sample import recording

# From numpy, in pyannote's clustering of segments that are too short for an embedding.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered in divide")

SPEAKING = slice(7 * CLIENT_RATE, 18 * CLIENT_RATE)
"""A part of the sample in which both speakers speak."""
SEGMENT = {
    *("segment_id", "speaker_id", "speaker_name", "text", "start_offset", "end_offset", "confidence", "emotion_category"),
    *("emotion_confidence", "activation", "valence", "detector_breakdown", "is_known", "words", "avg_logprob", "language"),
}


@pytest.fixture(scope="module")
def server(database_url: str, real_stages: LocalStages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("live")
    model = real_stages.embedder.engine.model  # type: ignore[attr-defined]
    patience = {"stream_resume_seconds": PATIENCE_S, "stream_idle_seconds": PATIENCE_S}
    with serving(database_url, directory, real_stages, model, **patience) as address:
        yield address
        # The diarization after the end of a stream must not outlive the event loop.
        real_stages.diarizer._thread.submit(time.sleep, 0.5).result()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def speech() -> Samples:
    """The sample at the rate of a client's microphone, 48 kHz."""
    samples, _ = soundfile.read(recording(), dtype="float32")
    found: Samples = soxr.resample(samples, SAMPLE_RATE, CLIENT_RATE)
    return found


def texts_and_offsets(client: Client) -> list[tuple[str, float, float]]:
    return [(segment["text"], segment["start_offset"], segment["end_offset"]) for segment in client.of("segment")]


@pytest.fixture(scope="module")
def whole(server: str, speech: Samples) -> tuple[Client, int]:
    """The sample, streamed as fast as possible, and the id of its conversation."""
    with Client(server) as client:
        id_ = client.start(speaker_update=True, title="In one go", language="en")
        client.send(speech, 5 * CLIENT_RATE)
        client.stop()
        assert client.closed() == 1000
    return client, id_


def test_two_speakers_are_distinguished_while_they_speak(whole: tuple[Client, int]) -> None:
    client, _ = whole
    segments = client.of("segment")
    # The first is a single word, too short for an embedding.
    assert [segment["speaker_name"] for segment in segments].index("Unknown_A") == 0
    assert {segment["speaker_name"] for segment in segments[1:]} == {"Unknown_01", "Unknown_02"}
    assert all(set(segment) == SEGMENT for segment in segments)
    assert all(set(word) == {"word", "start", "end", "probability"} for segment in segments for word in segment["words"])
    for segment in segments:
        times = [
            segment["start_offset"],
            *(word[edge] for word in segment["words"] for edge in ("start", "end")),
            segment["end_offset"],
        ]
        assert times == sorted(times)
    assert [segment["start_offset"] for segment in segments] == sorted(segment["start_offset"] for segment in segments)
    chicago = [segment["speaker_name"] for segment in segments if "Chicago" in segment["text"]]
    assert len(set(chicago)) == 2  # both speakers mention it


@pytest.mark.usefixtures("computed_again")
async def test_the_words_are_those_of_the_file(whole: tuple[Client, int], real_stages: LocalStages, speech: Samples) -> None:
    samples, _ = soundfile.read(recording(), dtype="float32")

    async def ignore(_stage: str, _fraction: float) -> None: ...

    transcript = await process(samples, 30.0, real_stages, Options(language="en"), ignore)
    file = " ".join(segment.text for segment in transcript.segments)
    assert word_error_rate(file, " ".join(text for text, _, _ in texts_and_offsets(whole[0]))) <= 0.05


def test_the_messages_agree_with_the_stored_conversation(server: str, whole: tuple[Client, int]) -> None:
    client, id_ = whole
    found = conversation(server, id_)
    done = client.of("completed")[0]
    assert set(done) >= {"conversation_id", "num_segments", "num_speakers", "duration", "message"}
    assert (found["status"], found["title"], found["duration"], found["language"]) == ("completed", "In one go", 30.0, "en")
    assert done["duration"] == 30.0
    assert found["num_segments"] == done["num_segments"] == len(client.of("segment"))
    assert found["num_speakers"] == done["num_speakers"] == 2
    kept = [(segment["id"], segment["text"], segment["emotion_category"]) for segment in found["segments"]]
    assert kept == [(segment["segment_id"], segment["text"], segment["emotion_category"]) for segment in client.of("segment")]


def test_the_whole_recording_is_diarized_at_the_end(whole: tuple[Client, int]) -> None:
    client, id_ = whole
    (update,) = client.of("speaker_update")
    assert (update["conversation_id"], update["num_speakers"]) == (id_, 2)
    assert [message["type"] for message in client.messages[-2:]] == ["speaker_update", "completed"]


@pytest.mark.usefixtures("computed_again")
def test_small_frames_give_the_same_segments(server: str, speech: Samples, whole: tuple[Client, int]) -> None:
    with Client(server) as client:
        client.start(language="en")
        client.send(speech, CLIENT_RATE // 10)
        client.stop()
    assert texts_and_offsets(client) == texts_and_offsets(whole[0])
    assert client.of("partial") == client.of("speaker_update") == []  # not requested


def test_segments_come_while_the_speaker_continues(server: str, speech: Samples) -> None:
    """The first segment comes before the stream ends, and partial words before the segment."""
    reader = speech[SPEAKING.start : SPEAKING.start + 4 * CLIENT_RATE]
    with Client(server) as client:
        client.start(partials=True, language="en")
        for count, (start, end) in enumerate([(0.0, 2.0), (2.0, 3.2)], 1):
            client.send(reader[round(start * CLIENT_RATE) : round(end * CLIENT_RATE)], 4800)
            while len(client.of("partial")) < count:
                client.until("partial")
        client.send(np.append(reader[round(3.2 * CLIENT_RATE) :], np.zeros(CLIENT_RATE, np.float32)), 4800)
        while not client.of("segment"):
            client.until("segment")
        client.stop()
    partials = client.of("partial")
    assert all(partial["text"].startswith(partial["stable"]) for partial in partials)
    stable = [partial["stable"] for partial in partials]
    assert all(later.startswith(earlier) for earlier, later in pairwise(stable))
    order = [message["type"] for message in client.messages]
    assert order.index("partial") < order.index("segment") < order.index("completed")


def test_a_resumed_stream_loses_no_segment(server: str, speech: Samples) -> None:
    part = speech[SPEAKING]
    middle = round(7.15 * CLIENT_RATE)  # between two sentences
    with Client(server) as first:
        id_ = first.start(resumable=True, language="en")
        first.send(part[:middle], CLIENT_RATE)
    with Client(server) as second:
        second.start(
            conversation_id=id_, resume_token=first.token
        )  # waits while the server still processes the audio of the first
        second.send(part[middle:], CLIENT_RATE)
        second.stop()
    found = conversation(server, id_)
    text = " ".join(segment["text"] for segment in found["segments"])
    assert found["duration"] == 11.0
    assert [word for word in ("Hello", "know", "Diane", "Sheila", "Chicago") if word in text] == [
        *("Hello", "know", "Diane", "Sheila", "Chicago")
    ]


def test_webm_from_a_browser(server: str, speech: Samples) -> None:
    with Client(server) as client:
        id_ = client.start(encoding="webm", language="en")
        for piece in pieces(webm(speech[SPEAKING]), 4000):
            client.socket.send(piece)
            client.until("status")
        done = client.stop()
    assert done["duration"] == pytest.approx(11.0, abs=0.1)
    assert "Chicago" in " ".join(segment["text"] for segment in conversation(server, id_)["segments"])


def test_a_stage_that_fails_affects_one_segment_alone(
    server: str, speech: Samples, real_stages: LocalStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("The device is gone.")

    pause = np.zeros(2 * CLIENT_RATE, np.float32)
    with Client(server) as client:
        id_ = client.start(language="en")
        with monkeypatch.context() as patch:
            patch.setattr(real_stages.emotion, "recognize", broken)
            client.socket.send(np.concatenate([speech[SPEAKING][: 4 * CLIENT_RATE], pause]).astype("<f4").tobytes())
            assert client.until("error")["message"] == "Segment processing error: The device is gone."
        client.send(np.concatenate([speech[SPEAKING][: 4 * CLIENT_RATE], pause]), CLIENT_RATE)
        done = client.stop()
    assert (done["status"], done["processing_errors"]) == ("completed_with_errors", 1)
    found = until_status(server, id_, "completed")
    assert found["duration"] == 12.0
    assert found["segments"]
    assert all(segment["start_offset"] > 5 for segment in found["segments"])


def test_the_audio_of_a_segment_is_served(server: str, whole: tuple[Client, int]) -> None:
    client, _ = whole
    segment = client.of("segment")[0]
    answer = httpx.get(f"http://{server}/conversations/segments/{segment['segment_id']}/audio", trust_env=False, timeout=120)
    assert answer.status_code == 200
    assert len(answer.content) > 2 * SAMPLE_RATE * (segment["end_offset"] - segment["start_offset"])
