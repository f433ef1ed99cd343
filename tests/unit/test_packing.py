"""Where Serve places the replicas of a cluster that packs: its own scheduler, with our deployments, and no Ray."""

from collections.abc import Iterable
from typing import Any

import pytest
from ray.serve._private import deployment_scheduler
from ray.serve._private.build_app import build_app as flatten
from ray.serve._private.common import DeploymentID, ReplicaID
from ray.serve._private.deployment_scheduler import (
    DeploymentScheduler,
    ReplicaSchedulingRequest,
    SpreadDeploymentSchedulingPolicy,
)
from ray.serve._private.test_utils import MockClusterNodeInfoCache
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from deployments.app import AppArgs, Machine, graph
from deployments.config import MODELS, load_config
from deployments.scaling.replicas import Planner, Pool, Stage

CPUS = 8
NODES = 4
ENDLESS_S = 1e9


class Cluster:
    """Nodes with a GPU each, and Serve's scheduler, which packs."""

    def __init__(self) -> None:
        nodes: Any = MockClusterNodeInfoCache()
        for number in range(NODES):
            nodes.add_node(f"{number + 1:056x}", {"CPU": float(CPUS), "GPU": 1.0})
        self.nodes: dict[ReplicaID, str] = {}
        self._scheduler = DeploymentScheduler(nodes, "head", lambda *_: None)
        (application,) = load_config("cluster", NODES)["applications"]
        self.args = AppArgs(
            **application["args"] | {"settings": {"database_url": "postgresql+asyncpg://x/y", "audio_url": "memory://"}}
        )
        no_handle: Any = lambda *_: None  # noqa: E731
        app = graph(self.args, Machine(gpus=NODES, cpus=CPUS))
        built = flatten(app, name="vivavoce", default_runtime_env=None, make_deployment_handle=no_handle)
        self._configs = {deployment.name: deployment._replica_config for deployment in built.deployments}
        for name, config in self._configs.items():
            self._scheduler.on_deployment_created(DeploymentID(name), SpreadDeploymentSchedulingPolicy())
            self._scheduler.on_deployment_deployed(DeploymentID(name), config)

    def start(self, names: Iterable[str]) -> None:
        """Start a replica of each of the deployments at once."""
        wanted: dict[DeploymentID, list[ReplicaSchedulingRequest]] = {}
        actors: dict[ReplicaID, Actor] = {}
        for name in names:
            replica = ReplicaID(f"{len(self.nodes)} {len(actors)}", DeploymentID(name))
            actors[replica] = actor = Actor()
            definition: Any = actor
            request = ReplicaSchedulingRequest(
                replica_id=replica,
                actor_def=definition,
                actor_resources=self._configs[name].resource_dict,
                actor_options={"name": name},
                actor_init_args=(),
                on_scheduled=lambda *_, **__: None,
            )
            wanted.setdefault(replica.deployment_id, []).append(request)
        self._scheduler.schedule(wanted, {})
        for replica, actor in actors.items():
            assert actor.node, f"No node has room for {replica.deployment_id.name}."
            self._scheduler.on_replica_running(replica, actor.node)
            self.nodes[replica] = actor.node

    def used(self) -> set[str]:
        return set(self.nodes.values())

    def counts(self) -> dict[str, int]:
        names = [replica.deployment_id.name for replica in self.nodes]
        return {stage: names.count(deployment) for stage, deployment in MODELS.items()}


class Actor:
    """Serve's actor of a replica; `node` is where it is to run."""

    node = ""

    def options(self, scheduling_strategy: Any, **_: Any) -> "Actor":
        if isinstance(scheduling_strategy, NodeAffinitySchedulingStrategy):
            self.node = scheduling_strategy.node_id
        return self

    def remote(self, *_: Any) -> None: ...


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(deployment_scheduler, "RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY", True)
    return Cluster()


def test_an_idle_cluster_needs_one_machine(cluster: Cluster) -> None:
    cluster.start([*MODELS.values(), "Worker", "Ingress", "Ingress"])
    assert len(cluster.used()) == 1


def test_all_replicas_of_the_bounds_find_a_place_in_the_order_in_which_they_start(cluster: Cluster) -> None:
    cluster.start([*MODELS.values(), "Worker", "Ingress", "Ingress"])
    planner = Planner(NODES, 300.0)
    before: dict[str, int] = {}
    while before != (counts := cluster.counts()):
        before = counts
        stages = {}
        for name, count in counts.items():
            args = getattr(cluster.args, name)
            # One more of each stage at a time is the hardest order.
            most = min(args.max_replicas, count + 1)
            stages[name] = Stage(args.gpus, ENDLESS_S * args.work, count, count, 1, most)
        for name, count in planner.decide(0.0, stages, Pool(float(NODES), ())).items():
            cluster.start([MODELS[name]] * (count - counts[name]))
    assert before == {name: getattr(cluster.args, name).max_replicas for name in MODELS}
    assert len(cluster.used()) == NODES
