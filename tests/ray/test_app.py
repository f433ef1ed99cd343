"""The options of the deployments, and the configuration files: nothing of the graph runs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from ray.serve._private.build_app import build_app as flatten
from ray.serve.config import AutoscalingPolicy
from ray.serve.schema import ServeDeploySchema

from deployments import private_cluster
from deployments.app import REPORT_INTERVAL_S, RETRY_AFTER_S, AppArgs, Machine, StageArgs, build_app, graph
from deployments.config import Variant, _merged, load_config
from settings import Settings
from tests.support.program import KEPT, ROOT, Program, environment

Options = dict[str, dict[str, Any]]
"""Of each deployment, by its name."""

ONE_CPU = Machine(gpus=0, cpus=1)
EIGHT_CPUS_AND_A_GPU = Machine(gpus=1, cpus=8)

READ_MACHINE = """
import ray
from deployments.app import Machine

ray.init(address="local", num_cpus=8, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
print(Machine.of_cluster().model_dump_json())
"""


def options(
    machine: Machine, url: str | None = "postgresql+asyncpg://x/y", variant: Variant = "gpu", **changes: Any
) -> Options:
    """The options that Serve gets for each deployment."""
    args = load_config(variant)["applications"][0]["args"] | {"settings": {"database_url": url, "audio_url": "memory://"}}
    app = graph(AppArgs(**args | changes), machine)
    no_handle: Any = lambda *_: None  # noqa: E731
    built = flatten(app, name="vivavoce", default_runtime_env=None, make_deployment_handle=no_handle)
    found = {}
    for deployment in built.deployments:
        config = deployment._deployment_config
        assert config.autoscaling_config is not None
        autoscaling = config.autoscaling_config.model_dump(mode="json")
        found[deployment.name] = config.model_dump(mode="json", exclude={"autoscaling_config"}) | {
            "actor": deployment.ray_actor_options,
            "autoscaling": autoscaling,
        }
    return found


@pytest.mark.ray
def test_resources_are_read_from_the_cluster(tmp_path: Path) -> None:
    command = ["python", "-W", "ignore", "-c", READ_MACHINE]
    # Without the eight workers that a Ray with eight CPUs starts for its first driver.
    with Program(command, tmp_path, RAY_prestart_worker_first_driver="0") as reader:  # the Ray ends with its process
        assert reader.wait() == 0, reader.stderr[-2000:]
    assert Machine.model_validate_json(reader.stdout.splitlines()[-1]) == EIGHT_CPUS_AND_A_GPU


def test_without_a_cluster_the_graph_is_for_one_cpu_machine() -> None:
    assert Machine.of_cluster() == ONE_CPU


def test_a_cluster_with_gpus_is_asked_for_fractions_of_them() -> None:
    found = options(EIGHT_CPUS_AND_A_GPU)
    assert {name: deployment["actor"].get("num_gpus") for name, deployment in found.items()} == {
        "Transcriber": 0.4,
        "Diarizer": 0.25,
        "SpeakerEmbedder": 0.1,
        "EmotionRecognizer": 0.25,
        "TextEmbedder": None,
        "Ingress": None,
    }


def test_without_a_cluster_and_a_database_the_graph_is_for_a_cpu_and_brings_its_own() -> None:
    found = options(ONE_CPU, url=None)
    assert not any(deployment["actor"].get("num_gpus") for deployment in found.values())
    models = {"Transcriber", "Diarizer", "SpeakerEmbedder", "EmotionRecognizer", "TextEmbedder"}
    assert set(found) == models | {"Ingress", "EmbeddedDatabase"}


def test_the_variant_for_a_cpu_leaves_gpus_alone() -> None:
    found = options(EIGHT_CPUS_AND_A_GPU, variant="cpu")
    assert not any(deployment["actor"].get("num_gpus") for deployment in found.values())
    assert found["Transcriber"]["actor"]["num_cpus"] == pytest.approx(0.3 * 8)


def test_a_cluster_grows_within_bounds_and_lets_replicas_finish() -> None:
    found = options(ONE_CPU, variant="cluster")
    transcriber, ingress, worker = found["Transcriber"], found["Ingress"], found["Worker"]
    scaling = transcriber["autoscaling"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (1, 13)
    assert (scaling["upscale_delay_s"], scaling["downscale_delay_s"]) == (0, 0)  # the policy has its own
    assert (worker["autoscaling"]["max_replicas"], worker["autoscaling"]["downscale_delay_s"]) == (16, 300)
    assert {deployment["autoscaling"]["metrics_interval_s"] for deployment in found.values()} == {REPORT_INTERVAL_S}
    assert (transcriber["max_ongoing_requests"], transcriber["max_queued_requests"]) == (640, 1024)
    assert transcriber["actor"]["num_gpus"] == 0.4  # though there is no GPU yet
    assert ingress["graceful_shutdown_timeout_s"] == 600
    assert (ingress["max_surge_percent"], transcriber["max_surge_percent"]) == (100, 0)
    assert ingress["backpressure_config"] == {"status_code": 503, "retry_after_s": RETRY_AFTER_S}
    assert found["Diarizer"]["health_check_timeout_s"] == 60


@pytest.mark.parametrize("settings", [{"database_url": "postgresql+asyncpg://x/y"}, {"audio_url": "s3://bucket"}])
def test_a_cluster_needs_what_all_its_nodes_reach(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("AUDIO_URL", raising=False)
    with pytest.raises(ValueError, match=r"^Set DATABASE_URL and AUDIO_URL:"):
        build_app(AppArgs(cluster=True, settings=settings))


@pytest.mark.parametrize(("cluster", "auth"), [(True, "required"), (False, "auto")])
def test_a_cluster_requires_keys(cluster: bool, auth: str) -> None:
    chosen = {"database_url": "postgresql+asyncpg://x/y", "audio_url": "memory://", "auth": "auto"}
    app = graph(AppArgs(cluster=cluster, settings=chosen), ONE_CPU)
    settings = app._bound_deployment.init_args[0]
    assert isinstance(settings, Settings)
    assert settings.auth == auth


def test_idle_models_are_let_go_where_that_is_asked_for() -> None:
    found = options(ONE_CPU, idle_seconds=900)
    assert found.pop("Ingress")["autoscaling"]["min_replicas"] == 1
    for deployment in found.values():
        scaling = deployment["autoscaling"]
        assert (scaling["min_replicas"], scaling["initial_replicas"]) == (0, 1)
        assert scaling["downscale_to_zero_delay_s"] == 900


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


VARIANTS: tuple[Variant, ...] = ("gpu", "cpu", "cluster")


def arguments(variant: Variant) -> AppArgs:
    (application,) = ServeDeploySchema.model_validate(load_config(variant)).applications
    assert set(application.args) == set(AppArgs.model_fields)  # what is not in the file cannot be tuned there
    for name in AppArgs().stages:
        assert set(application.args[name]) >= set(StageArgs.model_fields) - {"gpus"}
    return AppArgs(**application.args)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_what_serve_and_the_graph_take(variant: Variant) -> None:
    for stage in arguments(variant).stages.values():
        assert stage.target_ongoing_requests <= stage.max_ongoing_requests <= stage.max_queued_requests
        assert stage.health_check_period_s <= stage.health_check_timeout_s


@pytest.mark.parametrize("variant", ["gpu", "cpu"])
def test_all_stages_fit_on_one_machine(variant: Variant) -> None:
    args = [stage for name, stage in arguments(variant).stages.items() if name != "worker"]  # a cluster has workers
    assert sum(stage.gpus * stage.max_replicas for stage in args) <= 1
    assert sum(stage.cpus * stage.max_replicas for stage in args) <= 1


def test_the_upper_bounds_of_the_cluster_fill_16_gpus() -> None:
    assert 15.5 < sum(stage.gpus * stage.max_replicas for stage in arguments("cluster").stages.values()) <= 16


def test_the_policy_of_a_cluster_knows_its_deployments() -> None:
    (application,) = ServeDeploySchema.model_validate(load_config("cluster")).applications
    policy = AutoscalingPolicy(**application.autoscaling_policy or {})
    assert policy.get_serialized_policy_def()  # it can be imported, and sent to the controller
    others = {"Ingress", "Worker", "TextEmbedder"}  # no recording waits for them
    assert set(policy.policy_kwargs["stages"]) == set(options(ONE_CPU, variant="cluster")) - others


def test_one_machine_has_no_worker_beside_the_ingress() -> None:
    assert "Worker" not in options(EIGHT_CPUS_AND_A_GPU)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cluster", "--gpus", "0"), "0 GPUs have no room for every stage once, which takes 1.00"),
        (("cpu", "--gpus", "4"), "--gpus is for the variant cluster"),
    ],
)
def test_gpus_that_make_no_sense_are_refused(arguments: tuple[str, ...], says: str) -> None:
    command = [sys.executable, "-m", "deployments.config", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_program_waits_for_no_deployment_longer_than_it_says() -> None:
    configured = load_config()["applications"][0]["args"]
    args = private_cluster.arguments(configured, Settings())
    assert {stage.graceful_shutdown_timeout_s for stage in args.stages.values()} == {private_cluster.SHUTDOWN_TIMEOUT_S}
    assert args.stages.keys() == configured.keys() & AppArgs().stages.keys()


def test_a_variant_cannot_name_what_is_not_there() -> None:
    with pytest.raises(KeyError, match="transcripter"):
        _merged({"transcriber": {"gpus": 1}}, {"transcripter": {"gpus": 0}})


def test_the_environments_settings_are_written_down_but_for_secrets() -> None:
    command = [sys.executable, "-m", "deployments.config", "cluster"]
    secrets = {"HF_TOKEN": "hf_abc", "DATABASE_URL": "postgresql+asyncpg://me:sesame@db/vivavoce"}
    env = environment(**secrets, WHISPER_MODEL="large-v3-turbo", PORT="8123", LOG_LEVEL="DEBUG", DATA_PATH="/data")
    text = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=True).stdout
    config = ServeDeploySchema.model_validate(yaml.safe_load(text))
    (application,) = config.applications
    assert application.args["settings"] == kept() | {"whisper_model": "large-v3-turbo", "data_path": "/data"}
    assert Settings(**application.args["settings"]).data_path == Path("/data")
    assert config.http_options.port == 8123
    assert config.logging_config is not None
    assert config.logging_config.log_level == "DEBUG"
    assert "hf_abc" not in text
    assert "sesame" not in text
    assert "set in the environment of every node: DATABASE_URL, HF_TOKEN." in text


def kept() -> dict[str, Any]:
    """Settings of this machine that `environment` keeps."""
    set_here = {name for name in KEPT if name.upper() in os.environ} - {"hf_token"}
    return Settings().model_dump(mode="json", include=set_here)
