"""The command line: as the shell runs it, and within this process where the shell adds nothing."""

import fcntl
import json
import signal
import socket
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile

from deployments.ray_environment import usual_directory
from engines import in_process
from engines.in_process import LocalStages
from services import schemas
from tests.support.command_line import vivavoce_here
from tests.support.ports import free_port
from tests.support.program import Program, vivavoce
from vivavoce.sample import recording


def test_it_says_which_version_it_is() -> None:
    assert vivavoce("--version").stdout == f"vivavoce {version('vivavoce')}\n"


@pytest.mark.parametrize(
    ("command", "names"), [((), ("serve", "transcribe", "models")), (("serve",), ("--port", "--data-dir", "--sample"))]
)
def test_help_names_what_there_is(command: tuple[str, ...], names: tuple[str, ...]) -> None:
    shown = vivavoce_here(*command, "--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in names)


def test_json_is_the_apis_conversation_and_stdout_holds_nothing_else() -> None:
    done = vivavoce("transcribe", recording(), "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert set(found) == {*schemas.Conversation.model_fields, *schemas.Conversation.model_computed_fields}
    assert (found["title"], found["num_speakers"], found["language"]) == ("sample.wav", 2, "en")
    assert found["segments"] == found["transcript_segments"]
    assert {segment["speaker_name"] for segment in found["segments"]} == {"Unknown_01", "Unknown_02"}
    assert all(set(segment) == set(schemas.Segment.model_fields) for segment in found["segments"])
    assert "originally from Chicago" in " ".join(segment["text"] for segment in found["segments"])
    assert "recognizing voices and emotions" in done.stderr
    assert "Warning" not in done.stderr


@pytest.fixture
def loaded_models(real_stages: LocalStages, monkeypatch: pytest.MonkeyPatch) -> None:
    """`vivavoce transcribe` uses the models that are loaded already."""
    monkeypatch.setattr(in_process, "load", lambda _settings, *, device, model: real_stages)


@pytest.mark.usefixtures("loaded_models")
def test_a_recording_without_speech_is_said_to_be_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(16_000, np.int16), 16_000)
    done = vivavoce_here("transcribe", tmp_path / "quiet.wav", "--srt")
    assert (done.returncode, done.stdout.strip()) == (0, "")
    assert done.stderr.splitlines()[-1].endswith("No speech was found in quiet.wav.")


@pytest.mark.usefixtures("loaded_models")
def test_hints_reach_the_stages() -> None:
    done = vivavoce_here("transcribe", recording(), "--rttm", "--num-speakers", "1", "--language", "en")
    assert done.returncode == 0
    turns = [line.split() for line in done.stdout.splitlines()]
    assert all(turn[0] == "SPEAKER" and len(turn) == 10 for turn in turns)
    assert {turn[7] for turn in turns} == {"Unknown_01"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--json", "--srt"), "one format"),
        (("--language", "xx"), "language"),
        (("--num-speakers", "0"), "--num-speakers"),
        (("--min-speakers", "3", "--max-speakers", "2"), "min"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(arguments: tuple[str, ...], says: str) -> None:
    done = vivavoce_here("transcribe", recording(), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    done = vivavoce_here("transcribe", "/nowhere/talk.wav")
    assert done.returncode == 2
    assert "does not exist" in done.stderr


def failed(stderr: str) -> str:
    """The one sentence that a failure may print."""
    assert "Traceback" not in stderr
    (sentence,) = [line for line in stderr.splitlines() if line.startswith("vivavoce: ")]
    return sentence


def test_a_file_that_is_not_audio_is_refused_in_a_sentence(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("This is not a song. " * 100)
    done = vivavoce_here("transcribe", letter)
    assert done.returncode == 1
    assert "letter.mp3" in failed(done.stderr) or "format" in failed(done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize(("name", "value"), [("PORT", "eighty"), ("SPEAKER_THRESHOLD", "2"), ("WHISPER_LANGUAGE", "klingon")])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    done = vivavoce_here("models", "list", **{name: value})
    assert done.returncode == 1
    assert name in failed(done.stderr)


def test_an_unknown_model_is_named() -> None:
    done = vivavoce_here("models", "list", WHISPER_MODEL="whisper-enormous")
    assert done.returncode == 1
    assert "whisper-enormous" in failed(done.stderr)


def test_pulled_models_are_listed_as_good() -> None:
    assert vivavoce_here("models", "pull").returncode == 0
    header, *rows = vivavoce_here("models", "list").stdout.splitlines()
    assert header.split() == ["stage", "model", "state", "size", "licence", "file"]
    assert {row.split()[0] for row in rows} == {"whisper", "diarization", "embedding", "emotion", "text_embedding"}
    assert {row.split()[2] for row in rows} == {"ok"}


def test_missing_models_are_listed_as_missing(tmp_path: Path) -> None:
    done = vivavoce_here("models", "list", MODELS_PATH=str(tmp_path))
    assert done.returncode == 0
    assert "missing" in done.stdout
    assert "vivavoce models pull" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = vivavoce("serve", "--port", port, "--data-dir", tmp_path / "data")
    assert done.returncode == 1
    assert port in failed(done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_a_port_that_is_taken_meanwhile_is_said_too(open_directory: Path) -> None:
    port = free_port()
    arguments: list[str | Path] = ["vivavoce", "serve", "--no-dashboard", "--port", str(port)]
    with Program([*arguments, "--data-dir", open_directory / "data"], open_directory) as program:
        program.wait_for("Starting the graph")
        with socket.create_server(("127.0.0.1", port)):
            assert program.wait() == 1
        assert program.left() == []
        assert f"Failed to bind to address '127.0.0.1:{port}'" in program.stderr.splitlines()[-1]
        assert "Traceback" not in program.stderr


@pytest.mark.ray
@pytest.mark.parametrize(
    ("signum", "after"),
    [(signal.SIGINT, 0.0), pytest.param(signal.SIGTERM, 4.0, marks=pytest.mark.soak), (signal.SIGTERM, 12.0)],
)
def test_it_can_be_stopped_while_it_starts(signum: signal.Signals, after: float, open_directory: Path) -> None:
    arguments: list[str | Path] = ["vivavoce", "serve", "--port", str(free_port()), "--data-dir", open_directory / "data"]
    with Program(arguments, open_directory) as program:
        program.wait_for("Starting the graph")
        time.sleep(after)
        program.stop(signum)
        assert program.left() == []
        assert "Traceback" not in program.stderr


@pytest.mark.ray
def test_ray_keeps_its_token_until_postgresql_has_stopped(open_directory: Path) -> None:
    """A start that is aborted goes on until then, and hangs where Ray's processes find no token."""
    data = open_directory / "data"
    with Program(["vivavoce", "serve", "--port", str(free_port()), "--data-dir", data], open_directory) as program:
        program.wait_for("Starting the graph")
        token = usual_directory(data) / f"token_{program.process.pid}"
        with (data / "postgres" / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            program.process.send_signal(signal.SIGTERM)
            time.sleep(3.0)  # for it to wait for the lock, which is what stopping PostgreSQL takes
            assert program.process.poll() is None
            assert token.exists()
        assert program.process.wait(300) == 1
        assert not token.exists()
        assert program.left() == []
