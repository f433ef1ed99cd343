"""`vivavoce serve`: start, supervise and stop an installation on one machine."""

import asyncio
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from deployments import ray_environment
from engines import cuda
from engines.weights import resolver
from pipeline.identity.thresholds import configured_threshold
from services.access import admin_key
from services.access.accounts import Accounts
from services.access.passwords import PasswordHasher
from settings import NAME, Settings
from storage.postgres.database import Database, DatabaseError, migrate
from storage.postgres.server import DatabaseServer
from vivavoce import abortable
from vivavoce.dashboard import Dashboard, has_desktop

SIGNALS = (signal.SIGINT, signal.SIGTERM)
CHECK_INTERVAL_S = 1.0
"""Between two checks of the embedded PostgreSQL."""


def run(settings: Settings, *, sample: bool = False, dashboard: bool = True, browser: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Open the page in a browser where `browser` is set."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        sys.exit(1)

    _on_signal(end)
    os.environ["FORWARDED_ALLOW_IPS"] = settings.forwarded_allow_ips  # read by the HTTP server of Serve's proxy
    os.umask(0o077)  # recordings, logs and Ray's files are this user's alone
    _check_port(settings)
    _print("Models …")
    gpu = cuda.available()
    for model in resolver.pull(settings, gpu=gpu):
        if model.note:
            _print(f"  {model.note}")
    show_threshold(settings, resolver.resolve("embedding", settings, gpu=gpu).name)
    database = DatabaseServer(settings)
    try:
        # Ray's environment outlives PostgreSQL: an aborted start goes on until this process ends. Where Ray's processes find no
        # token, `ray.init` waits for minutes, and all other Python threads, which lack the interpreter's lock, for it.
        with ray_environment.environment(settings.data_path) as ray_files, database as url, _locked(settings):
            ticket = asyncio.run(_prepare(settings, url))
            _print("Starting the graph …")
            _on_signal(lambda *_: stop.set())
            chosen = settings.model_copy(update={"database_url": url})
            with _graph(chosen, ray_files, stop, dashboard=dashboard):
                address = show_address(settings, ticket, stop, sample=sample)
                if browser and not (has_desktop() and webbrowser.open(address)):
                    _print("There is no desktop here to open the page on: open the address in a browser.")
                while not stop.wait(CHECK_INTERVAL_S):
                    _restart_database(database)
                _print("\nStopping …")
    except abortable.AbortedError as aborted:
        aborted.exit()  # after PostgreSQL has stopped: Ray ends this process when its own are gone


@contextmanager
def _graph(settings: Settings, files: ray_environment.RayFiles, stop: threading.Event, *, dashboard: bool) -> Iterator[None]:
    """Start Ray and the graph, and stop both at the end. Raises AbortedError once `stop` is set during the start."""

    def start() -> str:
        from deployments import private_cluster  # imports Ray, which takes seconds

        try:
            return private_cluster.start(settings, files, dashboard=dashboard)
        except private_cluster.GraphError as error:
            sys.exit(f"{NAME}: {error}")

    address = abortable.run(start, stop)
    try:
        with _published(address, files.token, settings):
            yield
    finally:
        from deployments import private_cluster

        private_cluster.stop()


def show_threshold(settings: Settings, embedding_model: str) -> None:
    """Say why SPEAKER_THRESHOLD is not used or doubtful for the model. Exits where the model has no threshold."""
    try:
        threshold = configured_threshold(embedding_model, settings.speaker_threshold, settings.speaker_threshold_model)
    except ValueError as error:
        sys.exit(f"{NAME}: {error}")
    if threshold.warning:
        _print(f"  {threshold.warning}")


def show_address(settings: Settings, ticket: str | None, stop: threading.Event, *, sample: bool) -> str:
    """Returns the address to open: the page's, or that where the first account is created."""
    address = settings.address
    if sample:
        from vivavoce.access.credential import headers
        from vivavoce.sample import show

        show(address, headers(address, settings), stop)
    if ticket is not None:
        link = f"{address}/api/v1/people/first?ticket={ticket}"
        _print(f"Nobody has an account yet. Within an hour, create the first one, an administrator, at {link}")
    _print(f"{NAME} is ready: {address}   (for programs: {address}/docs; Ctrl-C stops it)")
    return address if ticket is None else link


def _on_signal(handler: Callable[..., None]) -> None:
    for signum in SIGNALS:
        signal.signal(signum, handler)


async def _prepare(settings: Settings, url: str) -> str | None:
    """Returns a ticket for the first account where a login is required and there is no account.

    Raises DatabaseError, NoCredentialError.
    """
    await migrate(url)
    database = Database(url)
    try:
        await admin_key.prepare(settings, database, own_directory=True)
        return await Accounts(database, PasswordHasher()).first_account_ticket() if settings.key_required else None
    finally:
        await database.dispose()


def _restart_database(database: DatabaseServer) -> None:
    try:
        database.start()
    except DatabaseError as error:
        _print(f"{NAME}: {error}")


@contextmanager
def _published(dashboard_address: str, token: str, settings: Settings) -> Iterator[None]:
    """Let `vivavoce dashboard` find the dashboard, if there is one."""
    if not dashboard_address:
        yield
        return
    with Dashboard(dashboard_address, token).published(settings.data_path):
        _print(f"Ray's dashboard: {dashboard_address}   (`{NAME} dashboard` signs a browser in)")
        yield


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Lock the data directory: the embedded PostgreSQL has connections for one program."""
    if settings.database_url:
        yield
        return
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
            where = f"port {settings.port} of {settings.host}"
            sys.exit(f"{NAME}: cannot listen on {where} ({error.strerror}); choose another with --port.")


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
