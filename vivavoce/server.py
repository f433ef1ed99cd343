"""`vivavoce serve`: one process that starts everything, watches over it, and stops it again."""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from filelock import FileLock, Timeout

from engines import cuda
from engines.weights import resolver
from settings import NAME, Settings
from storage.postgres.database import migrate
from storage.postgres.embedded import EmbeddedPostgres

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WATCH_EVERY = 1.0
"""Seconds between two looks at the embedded PostgreSQL."""


def run(settings: Settings, *, sample: bool = False) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        sys.exit(1)  # until all runs, an end is an exception: what was started is stopped

    def check() -> None:
        for signum in SIGNALS:  # Ray installs handlers of its own, which set no flag
            signal.signal(signum, end)
        if stop.is_set():  # an exception at the wrong moment, as within an import, is swallowed by Python or a library
            sys.exit(1)

    check()
    _check_port(settings)
    _say("Models …")
    for model in resolver.pull(settings, gpu=cuda.available()):
        if model.note:
            _say(f"  {model.note}")
    with _database(settings) as (url, revive):
        _say("Starting the graph …")
        from deployments.private_cluster import GraphError, running

        check()
        try:
            with running(settings.model_copy(update={"database_url": url}), check):
                check()
                for signum in SIGNALS:
                    signal.signal(signum, lambda *_: stop.set())
                address = f"http://{settings.host}:{settings.port}"
                if sample:
                    from vivavoce.sample import show

                    show(address, stop)
                _say(f"{NAME} is ready: {address}/docs   (Ctrl-C stops it)")
                while not stop.wait(WATCH_EVERY):
                    revive()
                _say("\nStopping …")
        except GraphError as error:
            sys.exit(f"{NAME}: {error}")


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    """The URL of a database that is up to date, and what starts it again where it has died.

    It is the user's, which is the user's affair, or the embedded one, which stops at the end.
    """
    if settings.database_url:
        asyncio.run(migrate(settings.database_url))
        yield settings.database_url, lambda: None
        return
    server = EmbeddedPostgres(settings.pg_path)
    try:
        url = server.start()
    except (OSError, RuntimeError) as error:
        sys.exit(f"{NAME}: {error}")
    try:
        with _alone(settings):
            asyncio.run(migrate(url))
            yield url, partial(_revive, server)
    finally:
        server.stop()


def _revive(server: EmbeddedPostgres) -> None:
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        _say(f"{NAME}: {error}")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One program at a time works on an archive of its own: the embedded PostgreSQL has room for the connections of one."""
    try:
        with FileLock(settings.data_path / "serve.lock", timeout=0):
            yield
    except Timeout:
        sys.exit(f"{NAME}: another {NAME} already works on {settings.data_path}: stop it, or choose another with --data-dir.")


def _check_port(settings: Settings) -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            sys.exit(f"{NAME}: cannot listen on {where} ({error.strerror}); choose another with --port.")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
