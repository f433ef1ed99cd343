"""A backlog on a cluster of several raylets with declared GPUs: the short version of `benchmarks.reliability.backlog`.

The models sleep. Configuration for a cluster, deployment, ingress, routing, jobs, PostgreSQL over TCP and S3 are real.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.config import load_config
from tests.support.cluster import backlog
from tests.support.cluster.deployed import Deployed, deployed
from tests.support.directories import open_directory

pytestmark = pytest.mark.ray

RECORDINGS_S = (300.0, *[30.0] * 5)
"""Lengths: one that several replicas of a stage work on, and short ones."""
SLOWER = 0.3
GPUS = 2
TIMEOUT_S = 600.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Deployed]:
    """Two GPUs."""
    config = load_config("cluster", GPUS)
    config["applications"][0]["args"]["settings"]["filter_hallucinations"] = False
    with open_directory() as directory, deployed(directory, config, nodes=GPUS, slower=SLOWER) as cluster:
        yield cluster


def test_a_backlog_is_completed_once_whatever_happens_to_nodes_and_replicas(cluster: Deployed, tmp_path: Path) -> None:
    paths = backlog.write(tmp_path, RECORDINGS_S)
    sent: list[int] = []
    for disturb in (kill_node, stop_node, change):
        with cluster.held():
            sent += backlog.send(cluster, paths)
            backlog.await_running(cluster, TIMEOUT_S)
            disturb(cluster)
        backlog.watch(cluster, len(sent), TIMEOUT_S)
    jobs = backlog.stored(cluster)
    assert backlog.faults(jobs, sent) == []
    assert len(jobs) == len(sent)


def kill_node(cluster: Deployed) -> None:
    end_node(cluster, signal.SIGKILL)


def stop_node(cluster: Deployed) -> None:
    end_node(cluster, signal.SIGTERM)


def end_node(cluster: Deployed, signum: signal.Signals) -> None:
    """End the node of an emotion recognizer; another one takes its place."""
    victim = next(replica for replica in cluster.replicas() if replica.stage == "emotion")
    cluster.raylets.end(cluster.raylets.node_of(victim.pid), signum)
    cluster.raylets.add()


def change(cluster: Deployed) -> None:
    """Deploy a setting that replaces all replicas."""
    cluster.args["settings"]["context_padding"] = 0.2
    cluster.deploy()
