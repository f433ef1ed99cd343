"""cluster.yaml, up to the machines that Ray's AWS provider starts on a server with the interfaces of EC2 and IAM."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config
from ray.autoscaler.tags import TAG_RAY_LAUNCH_CONFIG, TAG_RAY_NODE_KIND

from tests.support.aws import aws
from tests.support.program import ROOT

ASSUME = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ROLES = {"vivavoce-head": ("head", "worker"), "vivavoce-worker": ("worker",)}
"""Instance profiles and the policies in deploy/aws that docs/deployment.md attaches to their roles."""


@pytest.fixture(scope="module")
def account() -> Iterator[None]:
    """An account as docs/deployment.md prepares it."""
    with aws():
        iam = boto3.client("iam")
        for name, policies in ROLES.items():
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ASSUME))
            for policy in policies:
                document = (ROOT / "deploy" / "aws" / f"{policy}.json").read_text()
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
            iam.create_instance_profile(InstanceProfileName=name)
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        yield


def filled_in() -> dict[str, Any]:
    """cluster.yaml with an image of this account at its marks."""
    config: dict[str, Any] = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    image = boto3.client("ec2").register_image(Name="of this account")["ImageId"]
    for kind in config["available_node_types"].values():
        kind["node_config"]["ImageId"] = image
    return config


def test_the_launcher_starts_machines_that_may_read_the_secret(
    account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # the launcher writes a key there
    config = bootstrap_aws(filled_in())
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    for name, kind in config["available_node_types"].items():
        provider.create_node(kind["node_config"], {TAG_RAY_NODE_KIND: name, TAG_RAY_LAUNCH_CONFIG: name}, 1)
    groups = boto3.client("ec2").describe_instances()["Reservations"]
    started = [instance for group in groups for instance in group["Instances"]]
    assert {one["InstanceType"] for one in started} == {"m7i.xlarge", "g6.2xlarge"}
    profiles = {one["InstanceType"]: one["IamInstanceProfile"]["Arn"].rpartition("/")[2] for one in started}
    assert profiles == {"m7i.xlarge": "vivavoce-head", "g6.2xlarge": "vivavoce-worker"}
    roles = {profile["InstanceProfileName"] for profile in boto3.client("iam").list_instance_profiles()["InstanceProfiles"]}
    assert roles == ROLES.keys()  # Ray made none of its own
    (command,) = (line for line in config["initialization_commands"] if "secretsmanager" in line)
    assert "umask 077" in command
    assert f"--region {config['provider']['region']}" in command


@pytest.mark.parametrize("file", ["rayservice.yaml", "rayservice-ha.yaml"])
def test_what_the_pods_ask_for_fits_the_machines_they_name(account: None, file: str) -> None:
    (service,) = (one for one in yaml.safe_load_all((ROOT / "deploy" / file).read_text()) if one["kind"] == "RayService")
    cluster = service["spec"]["rayClusterConfig"]
    (workers,) = cluster["workerGroupSpecs"]
    launched = yaml.safe_load((ROOT / "cluster.yaml").read_text())["available_node_types"]
    for group, kind in ((cluster["headGroupSpec"], launched["head"]), (workers, launched["gpu"])):
        pod = group["template"]["spec"]
        machine = pod["nodeSelector"]["node.kubernetes.io/instance-type"]
        assert machine == kind["node_config"]["InstanceType"]
        (found,) = boto3.client("ec2").describe_instance_types(InstanceTypes=[machine])["InstanceTypes"]
        requests = pod["containers"][0]["resources"]["requests"]
        assert int(requests["cpu"]) + 1 <= found["VCpuInfo"]["DefaultVCpus"]
        # Amazon's kubelets keep 255 MiB and 11 MiB for each of up to 58 pods, and 100 MiB free; the kernel takes 2 to 3 %.
        usable = found["MemoryInfo"]["SizeInMiB"] * 0.97 - 255 - 11 * 58 - 100
        assert gibibytes(requests["memory"]) * 1024 + 512 <= usable
        shared = next(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "shared-memory")
        assert gibibytes(shared) < gibibytes(requests["memory"])
        gpus = sum(gpu["Count"] for gpu in found.get("GpuInfo", {}).get("Gpus", ()))
        assert int(requests.get("nvidia.com/gpu", 0)) == gpus


def gibibytes(quantity: str) -> int:
    assert quantity.endswith("Gi")
    return int(quantity.removesuffix("Gi"))
