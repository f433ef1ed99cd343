"""A Ray with a head and several nodes on this machine, started by Ray's own command. Each node declares a GPU."""

import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from deployments.ray_environment import LOOPBACK_NODE
from tests.support.ports import free_port, free_ports
from tests.support.processes import descendants, end_now
from tests.support.program import ROOT, START_TIMEOUT_S, Program

RAY_ON_LOOPBACK = """
from ray._private import services
services.resolve_ip_for_localhost = lambda host: host
from ray.scripts.scripts import main
main()
"""
"""Ray's command line, which otherwise replaces 127.0.0.1 by the machine's address in the network."""
STARTED = "Ray runtime started."
GRACE_S = 30.0
"""Time from SIGTERM to SIGKILL, as in Kubernetes."""
HEAD_PORTS = ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
JOIN_S = 120
"""Time for a node to join before it is started again. In 30 s, Ray's default, none joins beside busy replicas. A raylet
ends if its agents need more than 15 s to start, which `ray start` does not notice (ray-project/ray, issue 65983)."""
STORE_BYTES = 600 * 2**20
"""Memory for objects on each node: ten recordings of a quarter of an hour."""


class Raylets:
    """A head, on which no replica runs but the proxy and the controller, and `nodes` nodes with a GPU each.

    A context; at its end none of their processes is left.
    """

    def __init__(self, directory: Path, nodes: int, env: Mapping[str, str], cpus: int = 8) -> None:
        self.nodes: list[Program] = []
        self._directory = directory
        self._count = nodes
        self._cpus = cpus
        token = secrets.token_hex(32)
        self._headers = {"Authorization": f"Bearer {token}"}
        # Ray's default niceness is 15: beside other work its processes get hardly any CPU time.
        access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        self._environment = {**env, **access, "PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}
        self._environment["RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY"] = "1"  # as in the image
        # Serve's default is 0.1: its controller then takes a tenth of a core, of the few that the whole cluster has here.
        self._environment["RAY_SERVE_CONTROL_LOOP_INTERVAL_S"] = "0.4"
        self._environment["RAY_raylet_start_wait_time_s"] = str(JOIN_S)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        found = free_ports(len(HEAD_PORTS))
        self._address = f"127.0.0.1:{found[0]}"
        options = [f"--{name}={port}" for name, port in zip(HEAD_PORTS, found, strict=True)]
        options += [f"--temp-dir={self._directory / 'ray'}", "--num-gpus=0", "--num-cpus=0", "--dashboard-host=127.0.0.1"]
        url = f"http://127.0.0.1:{found[1]}"
        with self._stack:
            self.dashboard = self._stack.enter_context(
                httpx.Client(base_url=url, headers=self._headers, timeout=START_TIMEOUT_S)
            )
            self._start("--head", *options, **{LOOPBACK_NODE: "0"}).wait_for(STARTED)
            self._await(lambda: self.dashboard.get("/api/serve/applications/").is_success)
            for _ in range(self._count):  # one after the other: at the same time several take the same name for their sockets
                self.add()
            self._await(lambda: self._alive() > self._count)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def add(self) -> None:
        """Start a node, and wait until it belongs to the cluster."""
        agent = f"--dashboard-agent-listen-port={free_port()}"
        node = self._start(f"--address={self._address}", agent, "--num-gpus=1", f"--num-cpus={self._cpus}")
        self.nodes.append(node)
        node.wait_for(STARTED)

    def end(self, node: Program, signum: signal.Signals) -> None:
        """End a node.

        With SIGKILL all its processes end at once, as when a machine is lost; with SIGTERM it is told to, as a pod is that is
        deleted.
        """
        self.nodes.remove(node)
        processes = [node.process.pid, *descendants(node.process.pid)]
        if signum is signal.SIGTERM:
            node.process.send_signal(signum)
            with suppress(subprocess.TimeoutExpired):
                node.process.wait(GRACE_S)
        end_now(processes)
        node.process.wait()

    def node_of(self, pid: int) -> Program:
        """The node on which a process runs."""
        return next(node for node in self.nodes if pid in descendants(node.process.pid))

    def serve(self, method: str = "GET", config: dict[str, Any] | None = None) -> dict[str, Any]:
        """What Serve runs, after a change of it with PUT (`serve deploy`)."""
        answer = self.dashboard.request(method, "/api/serve/applications/", json=config)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if method == "GET" else {}
        return found

    def _start(self, *options: str, **env: str) -> Program:
        command = ["python", "-c", RAY_ON_LOOPBACK, "start", "--node-ip-address=127.0.0.1", "--block", *options]
        command += [f"--object-store-memory={STORE_BYTES}", "--disable-usage-stats", "--include-log-monitor=False"]
        return self._stack.enter_context(Program(command, self._directory, **self._environment, **env))

    def _alive(self) -> int:
        """Nodes of the cluster, its head included."""
        nodes = self.dashboard.get("/api/v0/nodes").raise_for_status().json()["data"]["result"]["result"]
        return sum(node["state"] == "ALIVE" for node in nodes)

    def _await(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with suppress(httpx.HTTPError):
                if done():
                    return
            assert time.monotonic() < deadline, f"Ray is not ready after {START_TIMEOUT_S:.0f} s."
            time.sleep(0.2)
