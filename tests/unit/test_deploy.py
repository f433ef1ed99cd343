"""Check deploy/ and cluster.yaml with the programs that read them, as far as these run without a cloud or Docker."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray.autoscaler
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from deployments.config import SECRETS, embed, load_config, render
from settings import Settings
from tests.support.program import BIN, KEPT, ROOT, environment

DEPLOY = ROOT / "deploy"
GRAFANA = ("RAY_PROMETHEUS_HOST", "RAY_GRAFANA_HOST", "RAY_GRAFANA_IFRAME_HOST")
"""Where Ray's dashboard finds Prometheus and Grafana, and where a browser finds Grafana."""
PORT = "8080"
"""Where Ray's agents give out their metrics."""


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def test_the_cluster_launcher_takes_cluster_yaml() -> None:
    config = load(ROOT / "cluster.yaml")
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(config, schema)
    validate_config(prepare_config(config) | {"cluster_synced_files": []})
    gpu = config["available_node_types"]["gpu"]
    assert gpu["min_workers"] >= 1
    assert gpu["max_workers"] == config["max_workers"] == 16
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert f"--metrics-export-port={PORT}" in commands[-1]


@pytest.mark.parametrize("file", ["rayservice.yaml", "rayservice-ha.yaml"])
def test_pods_on_kubernetes_are_confined_and_give_out_metrics(file: str) -> None:
    (service,) = (one for one in yaml.safe_load_all((DEPLOY / file).read_text()) if one["kind"] == "RayService")
    cluster = service["spec"]["rayClusterConfig"]
    (workers,) = cluster["workerGroupSpecs"]
    for group in (cluster["headGroupSpec"], workers):
        (container,) = group["template"]["spec"]["containers"]
        assert {"name": "metrics", "containerPort": int(PORT)} in container["ports"]
        assert group["rayStartParams"]["metrics-export-port"] == PORT
        check_confinement(group["template"]["spec"], container)
    assert workers["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert {variable["name"] for variable in head["env"]} >= set(GRAFANA)


def check_confinement(pod: dict[str, Any], container: dict[str, Any]) -> None:
    """The pod can write to its volumes alone, and none of its processes gains privileges."""
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounts.keys() == {"/tmp", "/home/vivavoce", "/data", "/models", "/dev/shm"}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}


def test_a_changed_configuration_is_written_into_the_rayservice(tmp_path: Path) -> None:
    original = (DEPLOY / "rayservice.yaml").read_text()
    copy = tmp_path / "rayservice.yaml"
    copy.write_text(original.replace("max_replicas: 24", "max_replicas: 3"))
    command: list[str | Path] = [BIN / "python", "-m", "deployments.config", "cluster", "--into", copy]
    without = {name.upper(): "" for name in KEPT}  # settings of this machine, which would be written into the configuration
    subprocess.run(command, cwd=ROOT, env=environment(**without), check=True, timeout=600)
    assert copy.read_text() == original
    with pytest.raises(ValueError, match="serveConfigV2"):
        embed("a: 1\n", "spec: {}\n")


def test_compose_reads_passwords_from_files_and_publishes_no_port_to_the_network() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    assert not re.search(r"PASSWORD: |://\w+:\S*@", text)
    secrets = {name for service in services.values() for name in service.get("secrets", ())}
    assert secrets == yaml.safe_load(text)["secrets"].keys() == {"postgres_password", "grafana_password"}
    for service in services.values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        for name, value in service.get("environment", {}).items():
            assert not name.endswith("_FILE") or value.removeprefix("/run/secrets/") in service["secrets"]
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert "healthcheck" in service or name == "app"  # the image has one of its own
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in yaml.safe_load(text)["volumes"]
    app, dashboards = services["app"]["environment"], "dashboards:/ray-dashboards:ro"
    for name in GRAFANA:
        assert app[name].startswith("http://")
    assert dashboards in services["grafana"]["volumes"]
    assert {provider["options"]["path"] for provider in load(DEPLOY / "grafana" / "provider.yaml")["providers"]} == {
        "/dashboards",
        "/ray-dashboards",
    }
    (target,) = load(DEPLOY / "prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"app:{PORT}"
    assert f"--metrics-export-port={PORT}" in (DEPLOY / "head.sh").read_text()


@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.gpu.yaml")])
def test_docker_compose_takes_the_files(files: tuple[str, ...]) -> None:
    compose = shutil.which("docker-compose")
    if compose is None:
        pytest.skip("docker-compose is not here")
    chosen = [part for file in files for part in ("-f", str(DEPLOY / file))]
    command = [compose, *chosen, "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    app = yaml.safe_load(done.stdout)["services"]["app"]
    assert app["environment"]["VARIANT"] == ("gpu" if len(files) == 2 else "cpu")
    assert app["build"]["target"] in dockerfile_targets()


def dockerfile_targets() -> dict[str, str]:
    """What each stage of the Dockerfile does, as text."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_images_run_as_an_unprivileged_user_and_have_a_health_check() -> None:
    stages = dockerfile_targets()
    assert {"cpu", "cuda"} <= stages.keys()
    for target in ("cpu", "cuda"):
        assert re.findall(r"^USER (\S+)$", stages[target], re.MULTILINE) == ["vivavoce"]
        # `python` is that of the packages there, which has no pip.
        assert "RUN pip --python /opt/venv/bin/python install" in stages[target]
    assert "HEALTHCHECK" in stages["base"]


def test_images_have_what_a_cluster_needs_at_the_versions_of_the_lock_file() -> None:
    stages = dockerfile_targets()
    packages = set(re.search(r"--no-install-recommends (.+?) \\", stages["base"])[1].split())  # type: ignore[index]
    assert packages >= {"openssh-client", "rsync", "procps", "wget"}
    for stage in ("cpu-dependencies", "cuda-dependencies"):
        assert "uv export --frozen --quiet --extra cluster" in stages[stage]
        assert "--require-hashes" in stages[stage]
    assert "ENV RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY=1" in stages["base"]


def test_images_of_fixed_releases_have_a_digest() -> None:
    """A tag that moves with security updates, `pg18`, has none."""
    images = [service["image"] for service in load(DEPLOY / "compose.yaml")["services"].values() if "build" not in service]
    assert len(images) == 3
    images += re.findall(r"^ARG BASE=(\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    images += re.findall(r"^ +image: (redis\S+)$", (DEPLOY / "rayservice-ha.yaml").read_text(), re.MULTILINE)
    assert len(images) == 5
    for image in images:
        assert re.search(r"^pgvector/pgvector:pg18$|:v?\d+\.\d+\.\d+[-\w]*@sha256:[0-9a-f]{64}$", image), image


def test_images_hold_all_that_the_wheel_is_built_from() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packaged = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    built = {"web/dist"}  # by the image, from `web`
    assert built < set(packaged)
    used = set(re.findall(r"deploy/\S+\.sh", (DEPLOY / "Dockerfile").read_text()))
    assert used
    assert all((ROOT / file).is_file() for file in used)
    wanted = {*packaged, *used, "web", "hatch_build.py", "pyproject.toml", "uv.lock", "README.md", "LICENSE"} - built
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:].rstrip("/") for line in lines if line.startswith("!")} == wanted
    assert {"web/dist/", "web/node_modules/"} <= set(lines)


def test_the_health_check_uses_the_port_on_which_the_image_listens() -> None:
    assert f"127.0.0.1:{load_config()['http_options']['port']}/health/live" in (DEPLOY / "Dockerfile").read_text()


def test_no_secret_is_written_into_a_configuration() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in repr(field.annotation)}
    assert len(secret) >= 4
    assert secret <= SECRETS


def test_no_password_of_a_url_is_written_into_a_configuration() -> None:
    secret = {
        "llm_url": "http://ana:PASSWORD@llm.example/v1",
        "text_embedding_url": "https://ana:PASSWORD@texts.example/v1",
        "audio_url": "s3://KEY:PASS/WORD@bucket/prefix",
        "database_url": "postgresql+asyncpg://ana@db/x",
    }
    given = secret | {"llm_model": "m", "text_embedding_model": "owner/name@main", "oidc_issuer": "https://login.example"}
    written = render("cluster", Settings.model_validate(given | {"oidc_client_id": "vivavoce"}))
    note = "# Not in this file; set in the environment of every node: AUDIO_URL, DATABASE_URL, LLM_URL, TEXT_EMBEDDING_URL.\n"
    assert note in written
    assert not any(value in written for value in ("WORD", "ana", "KEY"))
    (application,) = yaml.safe_load(written)["applications"]
    assert application["args"]["settings"].keys() & given.keys() == given.keys() - secret.keys()
    assert "audio_url: s3://bucket/prefix\n" in render("cluster", Settings(audio_url="s3://bucket/prefix"))
