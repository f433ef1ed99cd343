"""`vivavoce serve`: start, supervise and stop an installation on one machine."""

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
CHECK_INTERVAL_S = 1.0
"""Between two checks of the embedded PostgreSQL."""


def run(settings: Settings, *, sample: bool = False) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        sys.exit(1)  # during the start, an exception stops what has been started

    def check() -> None:
        for signum in SIGNALS:  # Ray replaces signal handlers
            signal.signal(signum, end)
        if stop.is_set():  # an exception during an import may have been swallowed
            sys.exit(1)

    check()
    _check_port(settings)
    _print("Models …")
    for model in resolver.pull(settings, gpu=cuda.available()):
        if model.note:
            _print(f"  {model.note}")
    with _database(settings) as (url, revive):
        _print("Starting the graph …")
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
                _print(f"{NAME} is ready: {address}/docs   (Ctrl-C stops it)")
                while not stop.wait(CHECK_INTERVAL_S):
                    revive()
                _print("\nStopping …")
        except GraphError as error:
            sys.exit(f"{NAME}: {error}")


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    """The URL of the migrated database, and a function that restarts it after a crash.

    The database is DATABASE_URL, which is not restarted, or the embedded one, which stops at the end.
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
        with _locked(settings):
            asyncio.run(migrate(url))
            yield url, partial(_revive, server)
    finally:
        server.stop()


def _revive(server: EmbeddedPostgres) -> None:
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        _print(f"{NAME}: {error}")


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Lock the data directory: the embedded PostgreSQL has connections for one program."""
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


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
