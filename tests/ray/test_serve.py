"""Start the graph with Ray's own command line."""

import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deployments.config import load_config
from tests.support.ports import free_port
from tests.support.program import BIN, Program, environment

pytestmark = pytest.mark.ray


@pytest.fixture
def config(open_directory: Path) -> tuple[Path, str]:
    """`serve_config.yaml` on a free port, and its address."""
    port = free_port()
    content: dict[str, Any] = load_config()
    content["http_options"]["port"] = port
    path = open_directory / "serve_config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path, f"http://127.0.0.1:{port}"


def test_serve_run_brings_its_own_database_and_leaves_nothing(config: tuple[Path, str], open_directory: Path) -> None:
    path, address = config
    program = Program(["serve", "run", path], open_directory, DATA_PATH=str(open_directory / "data"))
    try:
        await_ready(program, address)
        assert httpx.get(f"{address}/api/v1/conversations").json()["total"] == 0
        assert program.stop() == 0, program.stderr[-2000:]
    finally:
        program.process.kill()
    assert program.left() == []


def await_ready(program: Program, address: str) -> None:
    deadline = time.monotonic() + 180
    while True:
        assert program.process.poll() is None, program.stderr[-2000:]
        assert time.monotonic() < deadline, program.stderr[-2000:]
        try:
            if httpx.get(f"{address}/health/ready", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)


def test_serve_build_writes_the_graph_down(tmp_path: Path) -> None:
    built = tmp_path / "built.yaml"
    command: list[str | Path] = [BIN / "serve", "build", "deployments.app:app", "-o", built]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=120)
    (application,) = yaml.safe_load(built.read_text())["applications"]
    names = {"Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer", "Ingress", "EmbeddedDatabase"}
    assert {deployment["name"] for deployment in application["deployments"]} == names
