"""The directory, the token and the environment of a Ray that belongs to one program.

Ray reads these variables when it is imported, so this module does not import it, and `environment` comes before the import.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from settings import NAME
from storage import private_files

TEMP = "ray"
"""Ray's temporary directory inside the private one: Ray lets every user write to its own."""
LOOPBACK_NODE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""With 0 Ray takes the loopback address for its node's own, as it does on macOS and Windows, and listens on no other."""


@dataclass(frozen=True)
class RayFiles:
    """Where the program's Ray keeps its files."""

    temp: Path
    """Logs, sockets and spilled objects. Short: the path of a Unix socket has at most 107 bytes, and Ray adds about 70."""
    token: str
    """What each client of this Ray must present: with it, Ray runs any code."""


def usual_directory(data_path: Path) -> Path:
    """The private directory of the program that works on `data_path`, unless another user has taken the name."""
    base = Path(os.environ.get("RAY_TMPDIR") or "/tmp")  # noqa: S108
    return base / f"{NAME}-ray-{hashlib.sha256(os.fsencode(data_path.absolute())).hexdigest()[:8]}"


@contextmanager
def environment(data_path: Path) -> Iterator[RayFiles]:
    """Set the environment for a Ray of this process alone, until the block ends.

    The directory is the same at each start, so that the logs are found there afterwards. The token is new at each start; only
    its file name is in the environment, which child processes of other users inherit.
    """
    usual = usual_directory(data_path)
    directory = private_files.runtime_directory(usual.parent, usual.name, os.geteuid(), os.getegid())
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_SH)  # or systemd-tmpfiles would remove the token and logs after some days
    _remove_ended(directory)
    token, file = secrets.token_hex(32), directory / f"token_{os.getpid()}"
    file.unlink(missing_ok=True)
    with private_files.create(file) as out:
        out.write(token.encode())
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(file),
        LOOPBACK_NODE: "0",
    }
    os.environ.pop("RAY_AUTH_TOKEN", None)  # it would come before the file
    try:
        yield RayFiles(directory / TEMP, token)
    finally:
        file.unlink(missing_ok=True)
        os.close(lock)


def _remove_ended(directory: Path) -> None:
    """Remove what earlier programs left: their tokens, and their logs except the newest."""
    for token in directory.glob("token_*"):
        if _ended(token):
            token.unlink(missing_ok=True)
    sessions = sorted(path for path in (directory / TEMP).glob("session_*_*") if path.name != "session_latest" and _ended(path))
    for session in sessions[:-1]:
        shutil.rmtree(session, ignore_errors=True)


def _ended(path: Path) -> bool:
    """Whether the program with the process id at the end of the name has ended."""
    pid = path.name.rpartition("_")[2]
    return pid.isdecimal() and not psutil.pid_exists(int(pid))
