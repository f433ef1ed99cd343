"""The graph as it is built, before anything of it runs."""

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

from deployments.app import AppArgs, StageArgs
from deployments.config import load_config
from tests.program import ROOT, environment

STAGES = ("transcriber", "diarizer", "embedder", "emotion", "ingress")

BUILD = """
import json, sys
import ray
from ray.serve._private.build_app import build_app as flatten
from deployments.app import AppArgs, build_app

gpus, url = int(sys.argv[1]), sys.argv[2]
if gpus >= 0:
    ray.init(num_cpus=8, num_gpus=gpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
app = build_app(AppArgs(settings={"database_url": url or None}))
built = flatten(app, name="vivavoce", default_runtime_env=None, make_deployment_handle=lambda *_: None)
print(json.dumps({d.name: d.ray_actor_options for d in built.deployments}))
"""


def actors(gpus: int, url: str = "postgresql+asyncpg://x/y") -> dict[str, dict[str, Any]]:
    """What each deployment asks of Ray; with -1 no Ray runs. In a process of its own: there is one Ray a process."""
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(gpus), url]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_cluster_with_gpus_is_asked_for_fractions_of_them() -> None:
    asked = actors(gpus=1)
    assert {name: options.get("num_gpus") for name, options in asked.items()} == {
        "Transcriber": 0.4,
        "Diarizer": 0.25,
        "SpeakerEmbedder": 0.1,
        "EmotionRecognizer": 0.25,
        "Ingress": None,
    }


def test_without_a_cluster_and_a_database_the_graph_is_for_a_cpu_and_brings_its_own() -> None:
    asked = actors(gpus=-1, url="")
    assert not any(options.get("num_gpus") for options in asked.values())
    assert set(asked) == {"Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer", "Ingress", "EmbeddedDatabase"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"transcriber": {"min_replicas": 3, "max_replicas": 2}}, r"max_replicas \(2\) must not be below min_replicas \(3\)"),
        ({"transcriber": {"gpu": 1}}, "gpu\n.*not permitted"),
        ({"whisper": {}}, "whisper\n.*not permitted"),
        ({"diarizer": {"gpus": -0.1}}, "diarizer.gpus"),
        ({"ingress": {"max_ongoing_requests": 0}}, "ingress.max_ongoing_requests"),
    ],
)
def test_arguments_that_make_no_sense_are_named(args: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AppArgs(**args)


def test_serve_config_is_what_serve_and_the_graph_take() -> None:
    config = ServeDeploySchema.model_validate(load_config())
    (application,) = config.applications
    args = AppArgs(**application.args)
    stages: dict[str, StageArgs] = {name: getattr(args, name) for name in STAGES}
    assert set(application.args) == {*STAGES, "settings"}  # a stage that is not in the file cannot be tuned there
    assert sum(stage.gpus for stage in stages.values()) <= 1
    assert sum(stage.cpus for stage in stages.values()) <= 1
    assert all(stage.target_ongoing_requests <= stage.max_ongoing_requests for stage in stages.values())
