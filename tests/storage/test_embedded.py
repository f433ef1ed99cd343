"""The embedded PostgreSQL: start, sharing, and recovery from crashes."""

import asyncio
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from media import memory
from settings import Settings
from storage.postgres import embedded
from storage.postgres.database import DatabaseError
from storage.postgres.embedded import EmbeddedPostgres, buffers_mb
from storage.postgres.server import DatabaseServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with the permissions that PostgreSQL's system user needs."""
    directory = Path(tempfile.mkdtemp(prefix="vivavoce test "))  # with spaces
    directory.chmod(0o755)
    yield directory
    stop_server(directory / "data")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def data(directory: Path) -> Path:
    return directory / "data"


def server(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "cluster" / "postmaster.pid").read_text().split()[0]))


def is_alive(process: psutil.Process) -> bool:
    """A zombie is not, and may be gone at any moment."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop_server(data: Path) -> None:
    """Stop the servers that a failed test left running."""
    if (data / "cluster" / "postmaster.pid").exists():
        postgres = EmbeddedPostgres(data)
        postgres.start()
        postgres.stop()


def query(url: str, sql: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_it_starts_keeps_its_data_and_stops(data: Path) -> None:
    postgres = EmbeddedPostgres(data)
    url = postgres.start()
    assert postgres.start() == url
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    process = server(data)
    assert process.uids().effective != 0
    postgres.stop()
    postgres.stop()
    assert not process.is_running()
    with EmbeddedPostgres(data) as url:
        assert query(url, "SELECT answer FROM kept") == 42
        assert query(url, "SHOW fsync") == "on"
        assert query(url, "SELECT name FROM pg_available_extensions WHERE name = 'vector'") == "vector"


def test_a_server_may_end_by_itself_while_it_is_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the machine stops, which ends all programs at the same time."""
    postgres = EmbeddedPostgres(data)
    postgres.start()

    def too_late(process: psutil.Process, _signum: int) -> None:
        process.kill()
        process.wait()
        raise psutil.NoSuchProcess(process.pid)

    with monkeypatch.context() as patch:
        patch.setattr(psutil.Process, "send_signal", too_late)
        postgres.stop()
    with EmbeddedPostgres(data) as url:
        assert query(url, "SELECT 1") == 1


def test_only_a_private_socket_listens(data: Path) -> None:
    with EmbeddedPostgres(data) as url:
        directory = Path(url.split("host=")[1])
        assert directory.stat().st_mode & 0o777 == 0o700
        assert len(str(directory / ".s.PGSQL.5432")) < 104
        assert not [c for c in server(data).net_connections() if c.family != socket.AF_UNIX]
    assert not directory.exists()


def test_the_last_to_stop_shuts_it_down(data: Path) -> None:
    first, second = EmbeddedPostgres(data), EmbeddedPostgres(data)
    url = first.start()
    assert second.start() == url
    first.stop()
    assert query(url, "SELECT 1") == 1
    process = server(data)
    second.stop()
    assert not process.is_running()


def test_processes_that_start_it_at_once_share_one_server(data: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from storage.postgres.embedded import EmbeddedPostgres\n"
        "postgres = EmbeddedPostgres(Path(sys.argv[1])); print(postgres.start(), flush=True); sys.stdin.read(); postgres.stop()"
    )
    command = [sys.executable, "-c", program, str(data)]
    pipe = subprocess.PIPE
    starters = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    urls = {starter.stdout.readline().strip() for starter in starters if starter.stdout}
    assert len(urls) == 1
    process = server(data)
    assert query(urls.pop(), "SELECT 1") == 1

    starters[0].kill()  # as the kernel does when memory runs out: no cleanup runs
    starters[0].communicate()
    assert starters[1].communicate("")[0] == ""
    assert process.is_running()
    starters[2].communicate("")
    assert [starter.returncode for starter in starters] == [-signal.SIGKILL, 0, 0]
    assert not process.is_running()


def test_a_killed_server_is_revived_with_all_that_was_committed(data: Path) -> None:
    postgres = EmbeddedPostgres(data)
    url = postgres.start()
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    process = server(data)
    process.kill()
    process.wait()
    assert postgres.start() == url
    assert query(url, "SELECT answer FROM kept") == 42
    postgres.stop()


def test_what_a_killed_server_left_at_work_is_ended_first(data: Path) -> None:
    postgres = EmbeddedPostgres(data)
    postgres.start()
    process = server(data)
    left = process.children()
    for child in left:
        with suppress(psutil.NoSuchProcess):  # a worker of autovacuum may just have ended
            child.suspend()  # so that it does not notice the death of its parent
    process.kill()
    process.wait()
    url = postgres.start()
    assert left
    assert not any(map(is_alive, left))
    assert query(url, "SELECT 1") == 1
    postgres.stop()


def test_locks_that_name_another_program_are_stale(data: Path) -> None:
    with EmbeddedPostgres(data):
        content = (data / "cluster" / "postmaster.pid").read_text()
        owner = server(data).uids().real
        sockets = Path(content.splitlines()[4])
        lock = (sockets / ".s.PGSQL.5432.lock").read_text()
    sleeper = subprocess.Popen(["sleep", "900"], user=owner) if os.geteuid() == 0 else subprocess.Popen(["sleep", "900"])
    try:
        # As after the restart of a container, where pids begin anew.
        lines = content.splitlines(keepends=True)
        (data / "cluster" / "postmaster.pid").write_text("".join([f"{sleeper.pid}\n", *lines[1:]]))
        sockets.mkdir(mode=0o700)
        shutil.chown(sockets, owner)
        (sockets / ".s.PGSQL.5432.lock").write_text("".join([f"{sleeper.pid}\n", *lock.splitlines(keepends=True)[1:]]))
        with EmbeddedPostgres(data) as url:
            assert query(url, "SELECT 1") == 1
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_path_longer_than_any_socket_may_have(directory: Path) -> None:
    data = directory / ("long" * 30) / "data"
    with EmbeddedPostgres(data) as url:
        assert query(url, "SELECT 1") == 1


def test_a_start_that_was_cut_short_leaves_nothing_in_the_way(data: Path) -> None:
    (data / "cluster.new").mkdir(parents=True)
    (data / "cluster.new" / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(data) as url:
        assert query(url, "SELECT 1") == 1


def test_a_cluster_of_another_version_is_left_alone(data: Path) -> None:
    (data / "cluster").mkdir(parents=True)
    (data / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(RuntimeError, match="written by PostgreSQL 16"):
        EmbeddedPostgres(data).start()
    assert sorted(path.name for path in (data / "cluster").iterdir()) == ["PG_VERSION"]


@pytest.mark.timeout(600)
def test_a_server_that_cannot_start_says_why(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 3600.0)  # the start waits so long if it does not detect the server's end
    with EmbeddedPostgres(data) as url:
        sockets = Path(url.split("host=")[1])
    with (data / "cluster" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(RuntimeError, match="no_such_setting"):
        EmbeddedPostgres(data).start()
    assert not sockets.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone has to change the user")
def test_root_is_told_which_directory_is_closed_to_postgres(directory: Path) -> None:
    directory.chmod(0o700)
    with pytest.raises(PermissionError, match=f"chmod o\\+x {directory}"):
        EmbeddedPostgres(directory / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who is not")
def test_a_normal_user_needs_nothing_special(directory: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    program = (
        "import os, sys; from pathlib import Path; from storage.postgres.embedded import EmbeddedPostgres\n"
        "os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))\n"
        "with EmbeddedPostgres(Path(sys.argv[3])) as url: print(url)"
    )
    command = [sys.executable, "-c", program, str(nobody.pw_uid), str(nobody.pw_gid), str(directory / "data")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("postgresql+asyncpg://postgres@/postgres?host="), done.stderr
    assert (directory / "data" / "cluster").stat().st_uid == nobody.pw_uid


FORK_FATAL = """
import ctypes, hashlib, sys, threading, time
from pathlib import Path
from storage.postgres.embedded import EmbeddedPostgres, buffers_mb

libc = ctypes.CDLL(None)
address = lambda function: ctypes.cast(function, ctypes.c_void_p)
assert libc.__register_atfork(None, None, address(libc.abort), None) == 0

def compute():
    while True:
        hashlib.sha256(bytes(2**16)).digest()
        time.sleep(0.002)

for _ in range(16):
    threading.Thread(target=compute, daemon=True).start()
for _ in range(int(sys.argv[2])):
    with EmbeddedPostgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
"""
"""Starts and stops the server some times, in a process with busy threads of which every forked child dies."""
STARTS = 20


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "__register_atfork"), reason="needs the GNU C library, for its fork handlers"
)
def test_it_starts_where_forked_children_die(data: Path) -> None:
    """As in a Ray actor, where handlers of gRPC run in every forked child."""
    command = [sys.executable, "-c", FORK_FATAL, str(data), str(STARTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    urls = done.stdout.splitlines()
    assert len(urls) == STARTS
    assert len(set(urls)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone has to change the user")
def test_root_without_the_right_to_change_the_user_is_told_so(directory: Path) -> None:
    """As in a container without capabilities."""
    program = (
        "import ctypes, sys; from pathlib import Path; from storage.postgres.system_user import Account\n"
        "SETGID, SETUID, DROP = 6, 7, 24\n"
        "for capability in (SETGID, SETUID): ctypes.CDLL(None).prctl(DROP, capability, 0, 0, 0)\n"
        "Account(65534, 65534).barrier(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "PermissionError: PostgreSQL cannot run as the user nobody: This process may not become" in done.stderr
    assert "set DATABASE_URL" in done.stderr


def test_ctrl_c_does_not_end_the_check_of_a_directory(tmp_path: Path) -> None:
    """The terminal sends it to all processes of the group."""
    slow = tmp_path / "test"
    slow.write_text('#!/bin/sh\ntouch "$0.began"; sleep 2; exec /usr/bin/test "$@"\n')
    slow.chmod(0o755)
    program = (
        "import os, signal; from pathlib import Path; from storage.postgres.system_user import Account\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "print(Account(os.getuid(), os.getgid()).barrier(Path('/')))"
    )
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        while not (tmp_path / "test.began").exists():
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        assert run.communicate(timeout=600)[0] == "None\n"


def test_the_server_of_an_installation_is_the_embedded_one_or_the_users(data: Path) -> None:
    with DatabaseServer(Settings(data_path=data, database_url=None)) as url:
        assert query(url, "SELECT 1") == 1
        process = server(data / "postgres")
    assert not process.is_running()
    theirs = "postgresql+asyncpg://user@host/name"
    with DatabaseServer(Settings(data_path=data, database_url=theirs)) as url:
        assert url == theirs
    assert not (data / "postgres" / "cluster" / "postmaster.pid").exists()


def test_an_installation_whose_server_cannot_start_says_why(data: Path) -> None:
    cluster = data / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseError, match="written by PostgreSQL 16"):
        DatabaseServer(Settings(data_path=data, database_url=None)).start()


@pytest.mark.parametrize(("gigabytes", "megabytes"), [(0.5, 128), (4, 512), (16, 2048), (256, 2048)])
def test_buffers_are_a_part_of_the_memory(gigabytes: float, megabytes: int) -> None:
    assert buffers_mb(round(gigabytes * 2**30)) == megabytes


def test_the_server_has_these_buffers(data: Path) -> None:
    with EmbeddedPostgres(data) as url:
        assert query(url, "SELECT pg_size_bytes(current_setting('shared_buffers'))") == buffers_mb(memory.of_machine()) * 2**20
