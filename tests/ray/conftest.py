"""`serve run` with two replicas of the ingress, observed once for all tests that only read what was found."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.config import load_config
from tests.support.directories import open_directory
from tests.support.ports import free_port
from tests.support.processes import gcs_address
from tests.support.program import Program

IDLE_S = 15.0
"""Models scale to zero after this time; metrics go with their process, so this must be longer than the interval of reports,
and `cluster_driver` reads them all the time."""
METRICS_INTERVAL_MS = 2000
DRIVER_TIMEOUT_S = 1000.0


@dataclass(frozen=True)
class ServeRun:
    """A finished `serve run`."""

    found: dict[str, Any]
    """What `cluster_driver` printed."""
    exit_status: int
    remaining: list[str]
    """Command lines of processes that still ran after it had ended."""
    stderr: str


@pytest.fixture(scope="session")
def serve_run() -> ServeRun:
    """Start `serve run` as an operator does, observe it, and end it with Ctrl-C."""
    with open_directory() as directory:
        return run_and_observe(directory)


def run_and_observe(directory: Path) -> ServeRun:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    config: dict[str, Any] = load_config()
    config["http_options"]["port"] = port
    config["logging_config"] = {"encoding": "JSON", "log_level": "INFO"}
    args = config["applications"][0]["args"]
    args["idle_seconds"] = IDLE_S
    args["ingress"] |= {"min_replicas": 2, "max_replicas": 2}
    file = directory / "serve_config.yaml"
    file.write_text(yaml.safe_dump(config))
    # A token of this run: Ray's default one, in the home directory, may come into being between the two programs.
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    env = access | {
        "DATA_PATH": str(directory / "data"),
        "RAY_metrics_report_interval_ms": str(METRICS_INTERVAL_MS),
        # Ray's default is 15: beside other work its processes get hardly any CPU time, and neither start nor stop in minutes.
        "RAY_worker_niceness": "0",
    }
    with Program(["serve", "run", file], directory, **env) as program:
        program.wait_until_ready(address)
        driver, drivers_directory = Path(__file__).with_name("cluster_driver.py"), directory / "driver"
        drivers_directory.mkdir()
        command: list[str | Path] = ["python", "-W", "ignore", driver]
        command += [gcs_address(program.process.pid), address, drivers_directory]
        with Program(command, drivers_directory, **access) as observer:
            assert observer.wait(DRIVER_TIMEOUT_S) == 0, observer.stderr[-3000:]
            found = json.loads(observer.stdout.split("RESULT")[1])
        exit_status = program.stop()
        return ServeRun(found, exit_status, program.left(), program.stderr)
