"""A private Ray on this machine that runs the graph."""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import ray
from ray import serve

from deployments.app import AppArgs, build_app
from deployments.config import load_config
from deployments.ray_environment import RayFiles
from settings import NAME, Settings

SHUTDOWN_TIMEOUT_S = 20.0
"""For a replica to end. Ctrl-C does not wait for a model to finish a long call."""


class GraphError(Exception):
    """The graph did not start; the message names the deployment and the reason."""


def start(settings: Settings, files: RayFiles, *, dashboard: bool) -> str:
    """Start Ray and the graph of `serve_config.yaml`, and wait until it is ready.

    Args:
        settings: Settings of the program.
        files: Where Ray keeps its files.
        dashboard: Whether Ray's dashboard runs, too.

    Returns:
        The address of the dashboard; empty without one.

    Raises:
        GraphError: If Ray or a deployment does not start. Nothing runs then.
    """
    config = load_config()
    (application,) = config["applications"]
    args = arguments(application["args"], settings)
    # Ray's default niceness of 15 leaves replicas almost no CPU beside other programs.
    os.environ.setdefault("RAY_worker_niceness", "0")
    quiet = logging.DEBUG if settings.log_level == "DEBUG" else logging.ERROR  # replicas write their own logs
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(quiet)
    address = _start_ray(settings, files, quiet, dashboard=dashboard)
    try:
        logging_config = config["logging_config"] | {"log_level": settings.log_level}
        http_options = config["http_options"] | {"host": settings.host, "port": settings.port}
        try:
            serve.start(proxy_location="HeadOnly", http_options=http_options, logging_config=logging_config)
        except (RuntimeError, TimeoutError) as error:  # for example, another program took the port
            raise GraphError(f"Serve did not start: {str(error).strip().splitlines()[-1]}") from error
        app = build_app(args)
        try:
            serve.run(app, name=NAME, route_prefix=application["route_prefix"], logging_config=logging_config)
        except RuntimeError as error:
            raise GraphError(_why()) from error
    except BaseException:
        ray.shutdown()
        raise
    return address


def arguments(configured: Mapping[str, Any], settings: Settings) -> AppArgs:
    """Those of `serve_config.yaml` with the settings of the program. No deployment waits longer than `SHUTDOWN_TIMEOUT_S`."""
    args = AppArgs(**{**configured, "settings": configured["settings"] | settings.chosen()})
    for stage in args.stages.values():
        stage.graceful_shutdown_timeout_s = SHUTDOWN_TIMEOUT_S
    return args


def stop() -> None:
    """Let replicas finish their calls within the timeout, and end the rest at once."""
    try:
        with suppress(Exception):  # a broken or dead ingress has no jobs to return
            serve.get_app_handle(NAME).drain.remote().result(timeout_s=SHUTDOWN_TIMEOUT_S)
        with suppress(TimeoutError):
            serve.delete(NAME)
    finally:
        ray.shutdown()


def _start_ray(settings: Settings, files: RayFiles, logging_level: int, *, dashboard: bool) -> str:
    """Start Ray's processes, and return the address of the dashboard."""
    try:
        context = ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            include_dashboard=dashboard,
            dashboard_host="127.0.0.1",
            _node_ip_address="127.0.0.1",
            _temp_dir=str(files.temp),
            log_to_driver=settings.log_level == "DEBUG",
            logging_level=logging_level,
        )
    except Exception as error:  # Ray raises a bare Exception when its processes start too slowly
        raise GraphError(f"Ray did not start: {str(error).splitlines()[0]} Try again when the machine is less busy.") from error
    return f"http://{context.dashboard_url}" if dashboard else ""


def _why() -> str:
    """Why the graph does not start, without the tracebacks in Serve's messages."""
    deployments = serve.status().applications[NAME].deployments
    reasons = [f"{name}: {status.message.strip().splitlines()[-1]}" for name, status in deployments.items() if status.message]
    return f"The graph did not start. {' '.join(reasons)} LOG_LEVEL=DEBUG shows everything."
