"""A private Ray on this machine, with the graph on it, for as long as a `with` block lasts."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import ray
from ray import serve

from deployments.app import AppArgs, build_app
from deployments.config import load_config
from settings import NAME, Settings

SHUTDOWN = 20.0
"""Seconds that a replica may take to end: whoever stops the program does not wait for what a model has in hand."""


class GraphError(Exception):
    """The graph did not start; says what of it and why."""


@contextmanager
def running(settings: Settings, check: Callable[[], object]) -> Iterator[None]:
    """Start Ray and the graph of `serve_config.yaml`, wait until it is ready, and stop both at the end.

    Args:
        settings: Those of the program.
        check: Called between the steps of the start, which it ends by raising.

    Raises:
        GraphError: Where Ray or a deployment does not start.
    """
    config = load_config()
    (application,) = config["applications"]
    args = AppArgs(**application["args"] | {"settings": application["args"]["settings"] | settings.chosen()})
    for stage in (args.transcriber, args.diarizer, args.embedder, args.emotion, args.ingress):
        stage.graceful_shutdown_timeout_s = SHUTDOWN
    os.environ.setdefault("RAY_worker_niceness", "0")  # else 15: where others work on this machine, hardly anything would go on
    quiet = logging.DEBUG if settings.log_level == "DEBUG" else logging.ERROR  # of Ray itself; replicas keep logs of their own
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(quiet)
    _start_ray(settings, quiet)
    try:
        check()
        logging_config = config["logging_config"] | {"log_level": settings.log_level}
        http_options = config["http_options"] | {"host": settings.host, "port": settings.port}
        try:
            serve.start(proxy_location="HeadOnly", http_options=http_options, logging_config=logging_config)
        except (RuntimeError, TimeoutError) as error:  # as where another program took the port a moment ago
            raise GraphError(f"Serve did not start: {str(error).strip().splitlines()[-1]}") from error
        check()
        app = build_app(args)
        try:
            serve.run(app, name=NAME, route_prefix=application["route_prefix"], logging_config=logging_config)
        except RuntimeError as error:
            raise GraphError(_why()) from error
        try:
            yield
        finally:
            _end()
    finally:
        ray.shutdown()  # of a start that was broken off nothing is worth waiting for


def _start_ray(settings: Settings, logging_level: int) -> None:
    try:
        ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            log_to_driver=settings.log_level == "DEBUG",
            logging_level=logging_level,
        )
    except Exception as error:  # a bare one: Ray's processes took longer to start than it waits
        raise GraphError(
            f"Ray did not start: {str(error).splitlines()[0]} Try again when the machine has less to do."
        ) from error


def _end() -> None:
    """Let the replicas finish what they can; everything else of this Ray is ours to end at once."""
    with suppress(Exception):  # an ingress that is broken or dead has nothing to give back
        serve.get_app_handle(NAME).drain.remote().result(timeout_s=SHUTDOWN)
    with suppress(TimeoutError):  # Serve gives up waiting, and `ray.shutdown` ends what is left
        serve.delete(NAME)


def _why() -> str:
    """What keeps the graph from starting, without the tracebacks that Serve puts before it."""
    deployments = serve.status().applications[NAME].deployments
    reasons = [f"{name}: {status.message.strip().splitlines()[-1]}" for name, status in deployments.items() if status.message]
    return f"The graph did not start. {' '.join(reasons)} LOG_LEVEL=DEBUG shows everything."
