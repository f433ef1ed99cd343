"""How a live stream passes its spans of speech through the stages. The stages answer from a script; no model is loaded."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Diarization, Emotion, Observation, Samples, Span, Utterance, Voiceprint, Word
from tests.api.live import PATIENCE_S, Client, conversation, refused, serving
from tests.storage.transcripts import MODEL, voice
from tests.support.transcriber import ScriptedTranscriber
from tests.unit.media.test_clock import recording as webm_with_gap

PAUSE = np.zeros(SAMPLE_RATE, np.float32)


def speech(number: int, seconds: float = 1.0) -> Samples:
    """A span that the script transcribes as its number."""
    return np.full(round(seconds * SAMPLE_RATE), number / 20, np.float32)


@dataclass
class Script(ScriptedTranscriber):
    """Every span is spoken by one voice, in German unless a language is given."""

    wait_for: dict[int, int] = field(default_factory=dict)
    """Spans that are transcribed only after another one has been."""
    held: threading.Event | None = None
    """The diarization of the whole recording waits for it."""
    broken: int = 0
    """The transcription of this span fails."""
    stopped: int = 0
    """The transcription of this span is cancelled, as Serve raises it where a replica stops its task."""
    english: int = 0
    """This span is spoken in English."""
    numb: bool = False
    """No emotion can be recognized."""
    languages: list[str | None] = field(default_factory=list)
    decodings: set[Decoding] = field(default_factory=set)
    order: list[tuple[str, int]] = field(default_factory=list)
    """The begin and the end of each transcription."""
    done: dict[int, asyncio.Event] = field(default_factory=dict)

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        number = round(float(audio.max()) * 20)
        self.languages.append(language or decoding.expected_language)
        self.decodings.add(replace(decoding, expected_language=None))
        self.order.append(("begin", number))
        if number in self.wait_for:
            await self.done.setdefault(self.wait_for[number], asyncio.Event()).wait()
        if number == self.broken:
            raise RuntimeError("The device is gone.")
        if number == self.stopped:
            raise asyncio.CancelledError
        self.order.append(("end", number))
        self.done.setdefault(number, asyncio.Event()).set()
        spoken = language or ("en" if number == self.english else "de")
        return [Utterance((Word(f" Number {number}.", 0.3, window.end - 0.3, 0.9),), -0.2, spoken)]

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(voice(1), MODEL) for _ in spans]

    async def recognize(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Emotion]:
        if self.numb:
            raise ValueError("The clip is too short for the model.")
        return [Emotion("happy", 0.75, {"happy": 0.75}, voice(2, 1024), "felt") for _ in spans]

    async def observe(self, *_: Any) -> Observation:
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, *_: Any) -> Diarization:
        self.order.append(("cluster", 0))
        if self.held is not None:
            await asyncio.to_thread(self.held.wait, PATIENCE_S)
        return Diarization((), ())

    async def embed(self, *_: Any) -> Voiceprint:
        return Voiceprint(voice(1), MODEL)

    async def find_speech(self, audio: Samples) -> Sequence[Span]:
        raise AssertionError("The endpointer finds the speech of a live stream.")


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(database_url: str, tmp_path: Path, script: Script) -> Iterator[str]:
    stages = Stages(script, script, script, script)
    with serving(
        database_url, tmp_path, stages, MODEL, endpointing="energy", speaker_threshold=0.5, whisper_models=["turbo"]
    ) as address:
        yield address


def stream(client: Client, *parts: Samples, **options: Any) -> dict[str, Any]:
    """Send everything and stop; returns the data of `completed`."""
    client.start(sample_rate=SAMPLE_RATE, **options)
    client.socket.send(np.concatenate(parts).astype("<f4").tobytes())
    client.socket.send(json.dumps({"type": "stop"}))
    while not client.of("completed"):
        client.messages.append(json.loads(client.socket.recv(PATIENCE_S)))
    return client.of("completed")[0]


def texts(client: Client) -> list[str]:
    return [segment["text"] for segment in client.of("segment")]


def test_segments_keep_their_order_when_a_later_span_is_ready_first(server: str, script: Script) -> None:
    script.wait_for = {1: 2, 2: 3}
    with Client(server) as client:
        done = stream(client, speech(1), PAUSE, speech(2), PAUSE, speech(3), PAUSE, language="en")
    assert [number for edge, number in script.order if edge == "end"] == [3, 2, 1]
    assert texts(client) == ["Number 1.", "Number 2.", "Number 3."]
    assert [round(segment["start_offset"]) for segment in client.of("segment")] == [0, 2, 4]
    assert (done["num_segments"], done["num_speakers"]) == (3, 1)
    stored = conversation(server, done["conversation_id"])["segments"]
    assert [segment["id"] for segment in stored] == [segment["segment_id"] for segment in client.of("segment")]


def test_the_speakers_are_final_when_the_conversation_is_completed(server: str, script: Script) -> None:
    held = script.held = threading.Event()
    with Client(server) as client:
        id_ = client.start(sample_rate=SAMPLE_RATE)
        client.socket.send(np.concatenate([speech(1), PAUSE]).astype("<f4").tobytes())
        client.socket.send(json.dumps({"type": "stop"}))
        client.until("segment")
        deadline = time.monotonic() + PATIENCE_S
        while ("cluster", 0) not in script.order:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert conversation(server, id_)["status"] == "recording"
        held.set()
        client.until("completed")
    assert conversation(server, id_)["status"] == "completed"


def test_a_span_that_fails_is_reported_and_the_others_are_stored(server: str, script: Script) -> None:
    script.broken = 2
    with Client(server) as client:
        done = stream(client, speech(1), PAUSE, speech(2), PAUSE, speech(3), PAUSE, language="en")
    kinds = [message["type"] for message in client.messages if message["type"] in ("segment", "error")]
    assert kinds == ["segment", "error", "segment"]
    assert client.of("error") == [{"message": "Segment processing error: The device is gone."}]
    assert (done["status"], done["processing_errors"], done["num_segments"]) == ("completed_with_errors", 1, 2)
    found = conversation(server, done["conversation_id"])
    assert found["status"] == "completed"
    (note,) = found["notes"]
    assert note["kind"] == "left_out"
    assert note["message"].endswith("could not be transcribed: The device is gone.")
    assert (note["start"], note["end"]) == pytest.approx((2.0, 3.0), abs=0.5)


def test_a_span_of_which_a_stage_is_stopped_is_reported_and_the_others_are_stored(server: str, script: Script) -> None:
    script.stopped = 2
    parts = [part for number in range(1, 9) for part in (speech(number), PAUSE)]  # more spans than may wait to be stored
    with Client(server) as client:
        done = stream(client, *parts, language="en")
    assert client.of("error") == [{"message": "Segment processing error: A stage was stopped before it had a result."}]
    assert texts(client) == [f"Number {number}." for number in (1, 3, 4, 5, 6, 7, 8)]
    assert (done["status"], done["processing_errors"], done["num_segments"]) == ("completed_with_errors", 1, 7)


def test_a_recording_of_which_all_spans_fail_has_failed_and_keeps_its_sound(server: str, script: Script) -> None:
    script.broken = 1
    with Client(server) as client:
        done = stream(client, speech(1), PAUSE, language="en")
    assert (done["status"], done["processing_errors"], done["num_segments"]) == ("completed_with_errors", 1, 0)
    found = conversation(server, done["conversation_id"])
    assert (found["status"], found["error"], found["segments"]) == ("failed", "The device is gone.", [])
    assert len(found["notes"]) == 1
    assert httpx.get(f"http://{server}/conversations/{found['id']}/audio", trust_env=False, timeout=120).status_code == 200


def test_words_without_an_emotion_are_stored_with_a_note(server: str, script: Script) -> None:
    script.numb = True
    with Client(server) as client:
        done = stream(client, speech(1), PAUSE, language="en")
    assert (done["status"], texts(client)) == ("completed", ["Number 1."])
    found = conversation(server, done["conversation_id"])
    assert [segment["emotion_category"] for segment in found["segments"]] == [None]
    (note,) = found["notes"]
    assert note["message"] == "The emotion could not be recognized: The clip is too short for the model."


def test_what_was_missing_before_a_connection_was_lost_is_noted(server: str) -> None:
    with Client(server) as first:
        id_ = first.start(encoding="webm", resumable=True, language="en")
        first.socket.send(webm_with_gap([0.0, 5.0], "webm"))
    with Client(server) as second:
        second.start(conversation_id=id_, resume_token=first.token, encoding="webm")
        second.stop()
    notes = conversation(server, id_)["notes"]
    assert [note["message"] for note in notes if note["kind"] == "sound"] == ["4.0 s of sound are missing in the recording."]


def test_the_detected_language_is_expected_after_five_seconds_of_speech(server: str, script: Script) -> None:
    with Client(server) as client:
        done = stream(client, *[part for number in range(1, 6) for part in (speech(number, 2.0), PAUSE)])
    assert script.languages == [None, None, "de", "de", "de"]
    assert conversation(server, done["conversation_id"])["language"] == "de"


def test_segments_say_their_language(server: str, script: Script) -> None:
    script.english = 2
    with Client(server) as client:
        done = stream(client, *[part for number in range(1, 5) for part in (speech(number, 2.0), PAUSE)])
    assert [segment["language"] for segment in client.of("segment")] == ["de", "en", "de", "de"]
    assert done["languages"] == ["de", "en"]
    stored = conversation(server, done["conversation_id"])
    assert (stored["language"], stored["languages"]) == ("de", ["de", "en"])
    assert [segment["language"] for segment in stored["segments"]] == ["de", "en", "de", "de"]


def test_a_resumed_stream_keeps_the_languages_of_what_was_said_before(server: str) -> None:
    with Client(server) as client:
        id_ = client.start(sample_rate=SAMPLE_RATE, resumable=True)
        client.socket.send(np.concatenate([speech(1), PAUSE]).astype("<f4").tobytes())
        client.until("segment")
        token = client.of("started")[0]["resume_token"]
    with Client(server) as client:
        client.start(sample_rate=SAMPLE_RATE, resumable=True, conversation_id=id_, resume_token=token)
        done = client.stop()
    assert done["languages"] == ["de"]
    assert conversation(server, id_)["language"] == "de"


def test_spans_are_processed_one_by_one_until_the_language_is_known(server: str, script: Script) -> None:
    script.wait_for = {3: 4}  # possible only once the language is known
    with Client(server) as client:
        stream(client, *[part for number in range(1, 5) for part in (speech(number, 2.0), PAUSE)])
    assert script.order[:4] == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]
    assert [number for edge, number in script.order if edge == "end"] == [1, 2, 4, 3]
    assert texts(client) == ["Number 1.", "Number 2.", "Number 3.", "Number 4."]


def test_a_growing_span_is_transcribed_once_a_second(server: str, script: Script) -> None:
    with Client(server) as client:
        client.start(sample_rate=SAMPLE_RATE, partials=True, language="en")
        for count in (1, 2):
            client.socket.send(speech(1, 1.1).astype("<f4").tobytes())
            while len(client.of("partial")) < count:
                client.until("partial")
        client.socket.send(PAUSE.astype("<f4").tobytes())
        client.until("segment")
        client.stop()
    first, second = client.of("partial")
    assert (first["text"], first["stable"]) == ("Number 1.", "")
    assert (second["text"], second["stable"]) == ("Number 1.", "Number 1.")
    assert first["start_offset"] == second["start_offset"] == 0.0
    assert second["end_offset"] - first["end_offset"] == pytest.approx(1.1, abs=0.05)
    assert texts(client) == ["Number 1."]


def test_a_stream_chooses_its_task_and_prompts_for_partials_and_segments(server: str, script: Script) -> None:
    with Client(server) as client:
        client.start(sample_rate=SAMPLE_RATE, partials=True, task="translate", hotwords="Siobhán", initial_prompt="A talk.")
        client.socket.send(speech(1, 1.1).astype("<f4").tobytes())
        client.until("partial")
        client.stop()
    assert script.decodings == {Decoding("translate", "Siobhán", "A talk.")}


@pytest.fixture
def set_hotwords(server: str) -> Iterator[Callable[..., None]]:
    """Sets those of the installation, whose database other tests use, too."""

    def put(*words: str) -> None:
        assert httpx.put(f"http://{server}/settings/vocabulary", json={"hotwords": words}, timeout=120).status_code == 200

    yield put
    put()


def test_a_stream_has_the_hot_words_of_the_settings_after_its_own(
    server: str, script: Script, set_hotwords: Callable[..., None]
) -> None:
    set_hotwords("pgvector")
    with Client(server) as client:
        id_ = client.start(sample_rate=SAMPLE_RATE, resumable=True, hotwords="Siobhán")
        client.socket.send(speech(1).astype("<f4").tobytes())
        client.until("status")
    assert conversation(server, id_)["hotwords"] == ["Siobhán", "pgvector"]
    set_hotwords("Tekzas")
    with Client(server) as again:
        done = stream(again, PAUSE, speech(2), conversation_id=id_, resume_token=client.token)
    assert script.decodings == {Decoding(hotwords="Siobhán, pgvector"), Decoding(hotwords="Siobhán, Tekzas")}
    assert conversation(server, done["conversation_id"])["hotwords"] == ["Siobhán", "pgvector", "Tekzas"]


def test_hot_words_without_room_are_noted_on_a_stream(server: str, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(_decoding: Decoding) -> list[str]:
        return []

    monkeypatch.setattr(script, "hotwords_read", none)
    with Client(server) as client:
        done = stream(client, speech(1), hotwords="Siobhán, Tekzas")
    found = conversation(server, done["conversation_id"])
    assert found["hotwords"] == []
    sentence = "Hot words that the transcriber has no room for were not used: Siobhán, Tekzas."
    assert sentence in [note["message"] for note in found["notes"]]
    assert script.decodings == {PLAIN}


def test_a_stream_names_its_model(server: str, script: Script) -> None:
    with Client(server) as client:
        stream(client, speech(1), model="turbo", language="de")
    assert script.decodings == {Decoding(model="large-v3-turbo")}
    for options, says in (
        ({"model": "large-v3"}, "The model 'large-v3' is not configured: name one of whisper-base, large-v3-turbo."),
        ({"model": "turbo", "task": "translate"}, "The model 'large-v3-turbo' does not translate: name another one, such as"),
    ):
        text, code = refused(server, json.dumps({"type": "start"} | options))
        assert code == 1008
        assert says in text


def test_a_resumed_stream_goes_on_with_what_was_asked(server: str, script: Script) -> None:
    with Client(server) as client:
        id_ = client.start(sample_rate=SAMPLE_RATE, resumable=True, model="turbo", hotwords="Siobhán", language="de")
        client.socket.send(speech(1).astype("<f4").tobytes())
        client.until("status")
    with Client(server) as again:
        stream(again, PAUSE, speech(2), conversation_id=id_, resume_token=client.token)
    assert [segment["text"] for segment in conversation(server, id_)["segments"]] == ["Number 1.", "Number 2."]
    assert script.decodings == {Decoding(hotwords="Siobhán", model="large-v3-turbo")}


def test_a_stream_without_transcription_has_segments_without_words(server: str, script: Script) -> None:
    with Client(server) as client:
        done = stream(
            client, *[part for _ in range(3) for part in (speech(1), PAUSE)], enable_transcription=False, partials=True
        )
    assert script.decodings == set()
    assert (done["num_segments"], done["num_speakers"], done["status"]) == (3, 1, "completed")
    found = conversation(server, done["conversation_id"])
    assert [(one["text"], one["words"], one["emotion_category"]) for one in found["segments"]] == [("", [], "happy")] * 3
    assert [round(one["start_offset"]) for one in found["segments"]] == [0, 2, 4]
    assert texts(client) == [""] * 3
    assert client.of("partial") == []
    assert found["language"] is None


def test_an_empty_title_is_none(server: str) -> None:
    with Client(server) as client:
        done = stream(client, speech(1), title="")
    assert conversation(server, done["conversation_id"])["title"].startswith("Live Recording 20")


def test_words_are_left_out_of_messages_and_stored(server: str) -> None:
    with Client(server) as client:
        done = stream(client, speech(1), word_timestamps=False)
    (segment,) = client.of("segment")
    assert (segment["text"], segment["words"]) == ("Number 1.", None)
    assert [word["word"] for word in conversation(server, done["conversation_id"])["segments"][0]["words"]] == [" Number 1."]


def test_lost_packets_of_webm_leave_a_gap_and_a_note(server: str) -> None:
    with Client(server) as client:
        id_ = client.start(encoding="webm", language="en")
        client.socket.send(webm_with_gap([0.0, 5.0], "webm"))
        assert client.stop()["duration"] == pytest.approx(6.0, abs=0.1)
    found = conversation(server, id_)
    starts = [segment["start_offset"] for segment in found["segments"]]
    assert starts == pytest.approx([0.3, 5.0], abs=0.1)  # of the first words
    (note,) = found["notes"]
    assert (note["kind"], note["message"]) == ("sound", "4.0 s of sound are missing in the recording.")
    assert note["end"] == pytest.approx(5.0, abs=0.1)
