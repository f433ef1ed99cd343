"""The graph with models that sleep, deployed on raylets as an operator deploys it, with its clients' address and key."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deployments.config import MODELS
from pipeline.access import Role
from settings import NAME
from storage.access import keys
from storage.postgres.database import Database, migrate
from tests.support.aws import aws, create_bucket
from tests.support.cluster import sleeping, tcp_postgres
from tests.support.cluster.raylets import Raylets
from tests.support.ports import free_port

STAGES = MODELS
OTHERS = {"ingress": "Ingress", "worker": "Worker"}
"""The other deployments."""
BUCKET = "recordings"
TIMEOUT_S = 600.0
"""Far longer than anything takes, so that a busy machine fails no test."""

Config = dict[str, Any]
"""Serve's configuration, as `deployments.config` makes it."""


@dataclass(frozen=True)
class Replica:
    """A replica that runs."""

    stage: str
    """Its name in the configuration."""
    id: str
    pid: int


class Deployed:
    """The graph on a cluster."""

    def __init__(self, raylets: Raylets, config: Config, database: str, key: str, calls: Path) -> None:
        self.raylets = raylets
        self.config = config
        self.database = database
        self.calls = calls
        """A directory with the times of all calls of models."""
        config["http_options"] |= {"host": "127.0.0.1", "port": free_port()}
        config["proxy_location"] = "HeadOnly"  # all nodes are one machine, with one port
        config["applications"][0]["import_path"] = "tests.support.cluster.graph:build_app"
        self.address = f"http://127.0.0.1:{config['http_options']['port']}"
        self.headers = {"Authorization": f"Bearer {key}"}

    @property
    def args(self) -> Config:
        """The arguments of `build_app`; changes apply at the next `deploy`."""
        args: Config = self.config["applications"][0]["args"]
        return args

    @property
    def gpus(self) -> dict[str, float]:
        """The fraction of a GPU that a replica of each stage takes."""
        return {stage: self.args[stage]["gpus"] for stage in STAGES}

    @contextmanager
    def held(self) -> Iterator[None]:
        """No call of a model ends within the block."""
        hold = self.calls / sleeping.HOLD
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.address}/api/v1", headers=self.headers, timeout=TIMEOUT_S)

    def deploy(self) -> None:
        """`serve deploy`; returns when the request is accepted."""
        self.raylets.serve("PUT", self.config)

    def await_ready(self, *, none_of: Sequence[Replica] = ()) -> None:
        """Wait until each stage has a replica, none of `none_of` runs any more, and clients are served."""
        old = {replica.id for replica in none_of}
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            found = self.replicas()
            complete = {*STAGES, *OTHERS} <= {replica.stage for replica in found}
            if complete and not old & {replica.id for replica in found} and self._answers():
                return
            assert time.monotonic() < deadline, f"It is not ready after {TIMEOUT_S:.0f} s: {self.raylets.serve()}"
            time.sleep(0.2)

    def replicas(self) -> list[Replica]:
        names = {deployment: stage for stage, deployment in (STAGES | OTHERS).items()}
        deployments = self.raylets.serve()["applications"].get(NAME, {}).get("deployments", {})
        return [
            Replica(names[name], replica["replica_id"], replica["pid"])
            for name, deployment in deployments.items()
            if name in names  # the model of texts takes no part
            for replica in deployment["replicas"]
            if replica["state"] == "RUNNING"
        ]

    def counts(self) -> Counter[str]:
        """How many replicas of each stage run."""
        return Counter(replica.stage for replica in self.replicas())

    def allocated(self, counts: Mapping[str, int]) -> float:
        """The GPUs that so many replicas take."""
        return sum(counts.get(stage, 0) * gpus for stage, gpus in self.gpus.items())

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.address}/health/ready", timeout=600).is_success
        return False


@contextmanager
def deployed(directory: Path, config: Config, nodes: int, slower: float = 1.0, load_s: float = 0.0) -> Iterator[Deployed]:
    """A cluster with `nodes` GPUs, a database and an S3 store of its own, that serves this configuration.

    Args:
        directory: An empty one, that PostgreSQL's user can reach.
        config: Serve's configuration; its models are replaced.
        nodes: How many nodes there are, each with one GPU.
        slower: Factor for the time that the models take.
        load_s: Seconds that a model takes to load.
    """
    calls = directory / "calls"
    calls.mkdir()
    with ExitStack() as stack:
        database = stack.enter_context(tcp_postgres.serve(directory))
        stack.enter_context(aws())  # its address is in the environment from now on
        create_bucket(BUCKET)
        env = {
            "DATABASE_URL": database,
            "AUDIO_URL": f"s3://{BUCKET}/audio",
            "DATA_PATH": str(directory / "data"),
            sleeping.SLOWER: str(slower),
            sleeping.LOAD_S: str(load_s),
            sleeping.DIRECTORY: str(calls),
        }
        key = asyncio.run(_first_key(database))
        raylets = stack.enter_context(Raylets(directory, nodes, env))
        application = Deployed(raylets, config, database, key, calls)
        application.deploy()
        application.await_ready()
        yield application


async def _first_key(url: str) -> str:
    await migrate(url)
    database = Database(url)
    try:
        async with database.session() as session:
            key, _ = await keys.create(session, "clients", Role.ADMIN)
    finally:
        await database.dispose()
    return key
