"""What other users of the machine, and its network, reach of the running program: nothing."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from deployments.ray_environment import usual_directory
from tests.support.processes import descendants, ray_access
from tests.support.program import ServedApplication

pytestmark = pytest.mark.ray

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
METHODS = ("ray.rpc.CoreWorkerService/PushTask", "ray.serve.ASGIService/HandleRequest")
"""They run code; each replica serves the first on one of its ports and the second on the other."""

CALL = """
import json, sys
import grpc

answers = []
for port in sys.argv[1].split():
    for method in sys.argv[2].split():
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            try:
                channel.unary_unary(f"/{method}")(b"", timeout=300, wait_for_ready=True)
                answers.append((method, "OK"))
            except grpc.RpcError as error:
                answers.append((method, error.code().name))
print(json.dumps(answers))
"""

READ_ALL = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
for top in sys.argv[3:]:
    try:
        open(top, "rb").close()
        print(top)
    except OSError:
        pass
    for directory, directories, files in os.walk(top):
        print(directory)
        for name in files:
            path = os.path.join(directory, name)
            try:
                open(path, "rb").close()
                print(path)
            except OSError:
                pass
"""


def processes(program: ServedApplication) -> list[psutil.Process]:
    """The program's, PostgreSQL's and Ray's, as far as they still run."""
    found = []
    for pid in (program.process.pid, *descendants(program.process.pid)):
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def listening(of: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    found = set()
    for process in of:
        with suppress(psutil.NoSuchProcess):
            found |= {c.laddr[:2] for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    return found


def socket_files(of: Iterable[psutil.Process]) -> set[str]:
    found: set[str] = set()
    for process in of:
        with suppress(psutil.NoSuchProcess):
            found |= {str(c.laddr) for c in process.net_connections("unix") if str(c.laddr).startswith("/")}
    return found


def test_all_ports_are_on_the_loopback_address(program: ServedApplication) -> None:
    ports = listening(processes(program))
    assert len(ports) > 15, "Ray alone has more"
    assert {address for address, _ in ports} <= set(LOOPBACK)


def test_a_replica_runs_nothing_for_a_client_without_the_token(program: ServedApplication) -> None:
    replicas = [process for process in processes(program) if process.name().startswith("ray::ServeReplica")]
    ports = " ".join(str(port) for _, port in listening(replicas))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-c", CALL, ports, " ".join(METHODS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=True)
    answers = {(method, code) for method, code in json.loads(done.stdout)}
    assert {code for _, code in answers} == {"UNAUTHENTICATED", "UNIMPLEMENTED"}
    assert {(method, "UNAUTHENTICATED") for method in METHODS} <= answers


def test_the_token_is_in_no_environment_and_on_no_command_line(program: ServedApplication) -> None:
    file = ray_access(program.process.pid)["RAY_AUTH_TOKEN_PATH"]
    token = Path(file).read_text()
    for process in processes(program):
        with suppress(psutil.NoSuchProcess):
            assert token not in f"{process.environ()} {process.cmdline()}"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_reads_nothing(program: ServedApplication) -> None:
    ray = usual_directory(program.data)
    kept = [
        path for path in (program.data / "audio", program.data / "postgres", program.data / "dashboard.json") if path.exists()
    ]
    assert len(kept) == 3
    assert list(ray.glob("ray/session_latest/logs/serve/*.log"))
    sockets = socket_files(processes(program))
    assert any("PGSQL" in socket for socket in sockets)
    assert any("plasma" in socket for socket in sockets)
    environments = [f"/proc/{process.pid}/environ" for process in processes(program)]
    directories = {str(Path(socket).parent) for socket in sockets}
    nobody = pwd.getpwnam("nobody")
    command = [sys.executable, "-c", READ_ALL, str(nobody.pw_uid), str(nobody.pw_gid)]
    command += [str(program.data), *map(str, kept), str(ray), *sorted(directories), *environments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=True)
    assert done.stdout.split() == []
