"""The files for Kubernetes, against the schemas of Kubernetes and of the operators that read them."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import ray
import yaml
from ray.serve.schema import ServeDeploySchema

from deployments.config import configured
from settings import Settings
from tests.support.program import ROOT

DEPLOY = ROOT / "deploy"
FILES = ("rayservice.yaml", "rayservice-ha.yaml")
KUBERNETES = ("1.31", "1.37")
"""The oldest version in use on clouds, and the newest of which the package has schemas."""
CUSTOM = frozenset({"RayService", "PodMonitor", "PrometheusRule"})
"""Kinds of which an operator brings the definition."""

Resource = dict[str, Any]


def resources(file: str) -> list[Resource]:
    if file.endswith(".sh"):
        text = subprocess.run(["sh", DEPLOY / file], capture_output=True, text=True, check=True, timeout=600).stdout
    else:
        text = (DEPLOY / file).read_text()
    return list(yaml.safe_load_all(text))


def one(file: str, kind: str, name: str = "vivavoce") -> Resource:
    (found,) = (one for one in resources(file) if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def pod_templates(service: Resource) -> list[Resource]:
    cluster = service["spec"]["rayClusterConfig"]
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("file", FILES)
def test_kubernetes_takes_the_files(file: str, version: str) -> None:
    for resource in resources(file):
        if resource["kind"] == "RayService":
            for template in pod_templates(resource):
                metadata = {"name": "of-a-group"}
                pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": metadata, "template": template}
                kubernetes_validate.validate(pod, version, strict=True)
        elif resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("file", FILES)
def test_kuberay_has_the_fields(file: str) -> None:
    schema = yaml.safe_load(Path(__file__).with_name("kuberay.yaml").read_text())
    jsonschema.validate(one(file, "RayService")["spec"], schema["RayService"])


@pytest.mark.parametrize("file", [*FILES, "prometheusrule.sh"])
def test_the_operators_definitions_take_the_files(file: str) -> None:
    directory = os.environ.get("CUSTOM_RESOURCES")
    if directory is None:
        pytest.skip("CUSTOM_RESOURCES names no directory with the definitions of KubeRay and the Prometheus operator")
    known = definitions(Path(directory))
    for resource in resources(file):
        if resource["kind"] in CUSTOM:
            jsonschema.validate(resource, known[resource["apiVersion"], resource["kind"]])


def definitions(directory: Path) -> dict[tuple[str, str], Resource]:
    """The schemas of custom resources, by API version and kind; a field that they do not have is refused."""
    found = {}
    for path in directory.rglob("*.yaml"):
        for one in yaml.load_all(path.read_text(), yaml.CSafeLoader):  # 1 MB of text
            if one and one.get("kind") == "CustomResourceDefinition":
                for version in one["spec"]["versions"]:
                    name = f"{one['spec']['group']}/{version['name']}"
                    schema = closed(version["schema"]["openAPIV3Schema"])
                    schema["properties"]["metadata"] = {"type": "object"}
                    found[name, one["spec"]["names"]["kind"]] = schema
    return found


def closed(schema: Any) -> Any:
    """The schema, in which an object has no other fields than those it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    if isinstance(pattern := schema.get("pattern"), str) and "(?i)" in pattern:  # Go takes it at any place, Python at the first
        result["pattern"] = "(?i)" + pattern.replace("(?i)", "")
    return result


@pytest.mark.parametrize("file", FILES)
def test_the_graph_is_the_variant_for_a_cluster(file: str) -> None:
    service = one(file, "RayService")
    deployed = yaml.safe_load(service["spec"]["serveConfigV2"])
    ServeDeploySchema.model_validate(deployed)
    again = f"`python -m deployments.config cluster --into deploy/{file}` makes it again"
    assert deployed == configured("cluster", Settings.model_construct()), again
    cluster = service["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == ray.__version__
    (workers,) = cluster["workerGroupSpecs"]
    assert 1 <= workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"] == 16


@pytest.mark.parametrize("file", FILES)
def test_clients_are_answered_before_their_pod_or_cluster_is_deleted(file: str) -> None:
    service = one(file, "RayService")
    deployed = yaml.safe_load(service["spec"]["serveConfigV2"])
    longest = deployed["applications"][0]["args"]["ingress"]["graceful_shutdown_timeout_s"]
    assert service["spec"]["rayClusterDeletionDelaySeconds"] >= longest
    (workers,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    pod = workers["template"]["spec"]
    command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]
    deadline = int(re.search(r"--deadline-remaining-seconds (\d+)", command)[1])  # type: ignore[index]
    assert longest < deadline < pod["terminationGracePeriodSeconds"]


def test_the_files_differ_in_nothing_but_availability() -> None:
    """What is written twice stays the same."""
    plain, team = (one(file, "RayService")["spec"] for file in FILES)
    assert plain["serveConfigV2"] == team["serveConfigV2"]
    for first, second in zip(pod_templates({"spec": plain}), pod_templates({"spec": team}), strict=True):
        for name in ("securityContext", "nodeSelector", "terminationGracePeriodSeconds", "tolerations"):
            assert first["spec"].get(name) == second["spec"].get(name)
        container, other = first["spec"]["containers"][0], second["spec"]["containers"][0]
        assert container | {"ports": None} == other | {"ports": None}


def test_the_head_of_a_team_has_no_replicas_and_is_replaced_without_them() -> None:
    cluster = one("rayservice-ha.yaml", "RayService")["spec"]["rayClusterConfig"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    host, _, port = cluster["gcsFaultToleranceOptions"]["redisAddress"].partition(":")
    service = one("rayservice-ha.yaml", "Service", host)
    assert service["spec"]["ports"][0]["port"] == int(port)
    redis = one("rayservice-ha.yaml", "StatefulSet", host)
    assert redis["spec"]["template"]["metadata"]["labels"].items() >= service["spec"]["selector"].items()
    assert cluster["workerGroupSpecs"][0]["minReplicas"] >= 2


def selected(selector: Resource) -> set[str]:
    """The kinds of pods that have the labels: our own, and those that KubeRay adds."""
    head, workers = (template["metadata"]["labels"] for template in pod_templates(one("rayservice-ha.yaml", "RayService")))
    pods = {
        "head": head | {"ray.io/node-type": "head"},
        "worker": workers | {"ray.io/node-type": "worker"},
        "redis": one("rayservice-ha.yaml", "StatefulSet", "vivavoce-redis")["spec"]["template"]["metadata"]["labels"],
    }
    assert selector.keys() == {"matchLabels"}
    return {kind for kind, labels in pods.items() if labels.items() >= selector["matchLabels"].items()}


def test_selectors_find_the_pods_that_they_are_for() -> None:
    file = "rayservice-ha.yaml"
    budgets = {one["metadata"]["name"]: one["spec"] for one in resources(file) if one["kind"] == "PodDisruptionBudget"}
    assert selected(budgets["vivavoce-workers"]["selector"]) == {"worker"}
    assert selected(budgets["vivavoce-control"]["selector"]) == {"head", "redis"}
    workers = one(file, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    assert budgets["vivavoce-workers"]["minAvailable"] < workers["minReplicas"]  # otherwise no machine could ever be drained
    assert selected(one(file, "NetworkPolicy")["spec"]["podSelector"]) == {"head", "worker"}
    assert selected(one(file, "NetworkPolicy", "vivavoce-redis")["spec"]["podSelector"]) == {"redis"}
    monitor = one(file, "PodMonitor")["spec"]
    assert selected(monitor["selector"]) == {"head", "worker"}
    head = pod_templates(one(file, "RayService"))[0]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in head["ports"]}
    scraped = {ports[endpoint["port"]] for endpoint in monitor["podMetricsEndpoints"]}
    rules = one(file, "NetworkPolicy")["spec"]["ingress"]
    allowed = [{port["port"] for port in rule["ports"]} for rule in rules if "ports" in rule]
    assert scraped in allowed
    assert {ports["gcs"], ports["client"]}.isdisjoint(set().union(*allowed))


def test_the_rules_of_the_operator_are_those_of_prometheus() -> None:
    rules = one("prometheusrule.sh", "PrometheusRule")
    assert rules["spec"] == yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"][0]["job_name"]
    for endpoint in one("rayservice-ha.yaml", "PodMonitor")["spec"]["podMetricsEndpoints"]:
        assert {"targetLabel": "job", "replacement": scraped} in endpoint["relabelings"]


def test_the_load_balancer_waits_for_long_requests() -> None:
    ingress = one("rayservice-ha.yaml", "Ingress")
    notes = {name.rpartition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()}
    assert notes["load-balancer-attributes"] == "idle_timeout.timeout_seconds=4000"
    deployed = yaml.safe_load(one("rayservice-ha.yaml", "RayService")["spec"]["serveConfigV2"])
    longest = deployed["applications"][0]["args"]["ingress"]["graceful_shutdown_timeout_s"]
    assert int(notes["target-group-attributes"].rpartition("=")[2]) >= longest
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["port"]["number"] == deployed["http_options"]["port"]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
