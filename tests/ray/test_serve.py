"""Start the graph with Ray's own command line."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.ray.conftest import ServeRun
from tests.support.program import BIN, environment

pytestmark = pytest.mark.ray


def test_serve_run_brings_its_own_database_and_leaves_nothing(serve_run: ServeRun) -> None:
    assert serve_run.found["conversations"] == 0
    assert serve_run.exit_status == 0, serve_run.stderr[-2000:]
    assert serve_run.remaining == []


def test_serve_build_writes_the_graph_down(tmp_path: Path) -> None:
    built = tmp_path / "built.yaml"
    command: list[str | Path] = [BIN / "serve", "build", "deployments.app:app", "-o", built]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=600)
    (application,) = yaml.safe_load(built.read_text())["applications"]
    names = {"Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer", "TextEmbedder", "Ingress", "EmbeddedDatabase"}
    assert {deployment["name"] for deployment in application["deployments"]} == names
