"""The example client against a server without models: it hears silence, and answers as the contract says."""

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
from pipeline.types import SAMPLE_RATE
from settings import Settings
from tests.api.live import conversation, serving
from tests.support.ports import free_port
from tests.support.program import BIN, environment, vivavoce
from vivavoce import listen
from vivavoce.listen import ListenError

NOBODY: Any = None


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stages = Stages(NOBODY, NOBODY, NOBODY, NOBODY)
    with serving(database_url, tmp_path_factory.mktemp("live"), stages, "wespeaker-resnet34", max_streams=1) as address:
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
    messages: list[tuple[str, dict[str, Any]]] = []
    tell = lambda type_, data: messages.append((type_, data))  # noqa: E731
    listen.listen(url(server), listen.file(silence, Settings()), {"title": "Played"}, tell)
    assert time.monotonic() - began >= 2.0
    assert messages[0][0] == "started"
    assert messages[-1][0] == "completed"
    assert messages[-1][1]["duration"] == 2.0
    assert conversation(server, messages[0][1]["conversation_id"])["title"] == "Played"


def test_the_command_plays_a_file_faster(server: str, silence: Path) -> None:
    done = vivavoce("listen", silence, "--speed", "10", "--url", url(server))
    assert (done.returncode, done.stdout) == (0, "")
    assert "Recording completed and saved: 2 s, 0 lines, 0 speakers" in done.stderr


def test_ctrl_c_ends_the_sound_and_not_the_conversation(server: str, tmp_path: Path) -> None:
    long = tmp_path / "long.flac"
    recording.write(long, np.zeros(60 * SAMPLE_RATE, np.float32))
    command = [BIN / "vivavoce", "listen", long, "--url", url(server)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), cwd="/") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Conversation ")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert "Recording completed and saved" in process.stderr.read()
        assert process.wait(30) == 0


def test_what_the_server_refuses_is_told(server: str, silence: Path) -> None:
    first = threading.Thread(target=listen.listen, args=(url(server), listen.file(silence, Settings()), {}, lambda *_: None))
    first.start()
    time.sleep(0.5)
    with pytest.raises(ListenError, match="All 1 live streams are in use"):
        listen.listen(url(server), listen.file(silence, Settings()), {}, lambda *_: None)
    first.join()


def test_a_server_that_is_not_there(silence: Path) -> None:
    with pytest.raises(ListenError, match="does not answer: start `vivavoce serve`, or give --url"):
        listen.listen(f"http://127.0.0.1:{free_port()}", listen.file(silence, Settings()), {}, lambda *_: None)


@pytest.mark.parametrize("arguments", [[], ["{file}", "--microphone"]])
def test_one_source_of_sound(silence: Path, arguments: list[str]) -> None:
    done = vivavoce("listen", *(argument.format(file=silence) for argument in arguments))
    assert done.returncode == 2
    assert "Name a file to play, or give --microphone." in done.stderr


def test_lines_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    segment = {"start_offset": 61.5, "speaker_name": "Alice", "emotion_category": "happy", "emotion_confidence": 0.7}
    listen.show("segment", segment | {"text": "Hello."})
    listen.show("error", {"message": "Segment processing error: too bad."})
    said = capsys.readouterr()
    assert said.out == "0:01:01.5  Alice         happy 70%        Hello.\n"
    assert said.err == "Segment processing error: too bad.\n"
