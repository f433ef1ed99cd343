"""The example client against a server without models, which can process silence only."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media import recording
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples
from services.live import server_messages
from services.live.server_messages import CompletedMessage, SegmentData, SegmentMessage, ServerMessage, StartedMessage
from settings import Settings
from tests.api.live import conversation, serving
from tests.support.command_line import vivavoce_here
from tests.support.ports import free_port
from tests.support.program import BIN, environment, vivavoce
from vivavoce import listen
from vivavoce.listen import ListenError

NO_STAGE: Any = None


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stages = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
    limits = {"max_streams": 1, "stream_idle_seconds": 600}
    with serving(database_url, tmp_path_factory.mktemp("live"), stages, "wespeaker-resnet34", **limits) as address:
        yield address


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.flac"
    recording.write(path, np.zeros(2 * SAMPLE_RATE, np.float32))
    return path


def url(server: str) -> str:
    return f"http://{server.removesuffix('/api/v1')}"


def test_a_file_is_played_in_real_time(server: str, silence: Path) -> None:
    began = time.monotonic()
    messages: list[ServerMessage] = []
    listen.listen(url(server), listen.file(silence, Settings()), {"title": "Played"}, messages.append)
    assert time.monotonic() - began >= 2.0
    first, last = messages[0], messages[-1]
    assert isinstance(first, StartedMessage)
    assert isinstance(last, CompletedMessage)
    assert last.data.duration == 2.0
    assert conversation(server, first.data.conversation_id)["title"] == "Played"


def test_the_command_plays_a_file_faster(server: str, silence: Path) -> None:
    done = vivavoce("listen", silence, "--speed", "10", "--url", url(server))
    assert (done.returncode, done.stdout) == (0, "")
    assert "Recording completed and saved: 2 s, 0 lines, 0 speakers" in done.stderr


def test_ctrl_c_ends_the_audio_and_not_the_conversation(server: str, tmp_path: Path) -> None:
    long = tmp_path / "long.flac"
    recording.write(long, np.zeros(600 * SAMPLE_RATE, np.float32))
    command: list[str | Path] = [BIN / "vivavoce", "listen", long, "--url", url(server)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), cwd="/") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Conversation ")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert "Recording completed and saved" in process.stderr.read()
        assert process.wait(600) == 0


def test_ctrl_c_while_a_message_is_printed_loses_none(server: str, tmp_path: Path) -> None:
    long = tmp_path / "long.flac"
    recording.write(long, np.zeros(600 * SAMPLE_RATE, np.float32))
    messages: list[ServerMessage] = []

    def interrupted(message: ServerMessage) -> None:
        if not messages:
            signal.raise_signal(signal.SIGINT)
        messages.append(message)

    former = signal.getsignal(signal.SIGINT)
    listen.listen(url(server), listen.file(long, Settings()), {}, interrupted)
    assert isinstance(messages[0], StartedMessage)
    assert isinstance(messages[-1], CompletedMessage)
    assert messages[-1].data.duration < 600
    assert signal.getsignal(signal.SIGINT) is former


def test_the_reason_of_a_refusal_is_raised(server: str, silence: Path) -> None:
    started, refused = threading.Event(), threading.Event()

    def until_refused(_stop: threading.Event) -> Iterator[Samples]:
        yield np.zeros(SAMPLE_RATE, np.float32)
        assert refused.wait(600)

    first = threading.Thread(target=listen.listen, args=(url(server), until_refused, {}, lambda _message: started.set()))
    first.start()
    assert started.wait(600)
    with pytest.raises(ListenError, match="All 1 live streams are in use"):
        listen.listen(url(server), listen.file(silence, Settings()), {}, lambda _message: None)
    refused.set()
    first.join()


def test_a_server_that_does_not_answer(silence: Path) -> None:
    with pytest.raises(ListenError, match="does not answer: start `vivavoce serve`, or give --url"):
        listen.listen(f"http://127.0.0.1:{free_port()}", listen.file(silence, Settings()), {}, lambda _message: None)


@pytest.mark.parametrize("address", ["localhost:9", "127.0.0.1", "http://host:port", "http://[::1", "http://"])
def test_an_address_that_is_no_url(silence: Path, address: str) -> None:
    done = vivavoce_here("listen", silence, "--url", address)
    assert done.returncode == 1
    assert done.stderr == f"vivavoce: {address} is not the address of Vivavoce: give --url as http://HOST:PORT.\n"


@pytest.mark.parametrize("arguments", [[], ["{file}", "--microphone"]])
def test_one_source_of_sound(silence: Path, arguments: list[str]) -> None:
    done = vivavoce_here("listen", *(argument.format(file=silence) for argument in arguments))
    assert done.returncode == 2
    assert "Name a file to play, or give --microphone." in done.stderr


def test_segments_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    data = {
        "segment_id": 1,
        "speaker_name": "Alice",
        "is_known": True,
        "text": "Hello.",
        "start_offset": 61.5,
        "end_offset": 62.5,
        "confidence": 0.8,
        "emotion_category": "happy",
        "emotion_confidence": 0.7,
        "detector_breakdown": None,
        "words": [],
        "avg_logprob": None,
    }
    listen.show(SegmentMessage(data=SegmentData(**data)))
    listen.show(server_messages.error("Segment processing error: too bad."))
    printed = capsys.readouterr()
    assert printed.out == "0:01:01.5  Alice         happy 70%        Hello.\n"
    assert printed.err == "Segment processing error: too bad.\n"


@pytest.mark.parametrize("command", ["listen", "transcribe"])
def test_a_wrong_prompt_is_refused_with_its_option(silence: Path, command: str) -> None:
    done = vivavoce_here(command, silence, "--initial-prompt", "<|de|>")
    assert done.returncode == 2
    assert "--initial-prompt" in done.stderr
    assert "control token" in done.stderr
