"""The system user that runs the embedded PostgreSQL. PostgreSQL refuses to run as root, so root creates a user for it."""

import os
import pwd
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from settings import NAME


class Identity(TypedDict, total=False):
    """Keyword arguments of `subprocess` that change the user; empty where the user stays the same."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def identity(self) -> Identity:
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def barrier(self, path: Path) -> Path | None:
        """The first directory of `path`, `path` included, that this user may not enter; None where there is none."""
        if self._may_enter(path):
            return None
        return next(step for step in (*reversed(path.parents), path) if not self._may_enter(step))

    def _may_enter(self, directory: Path) -> bool:
        return subprocess.run(["test", "-x", directory], cwd="/", check=False, **self.identity).returncode == 0


def account_for(directory: Path) -> Account:
    """The user who should own `directory`: its present owner, else the current user, but never root.

    Raises PermissionError where the directory is another user's, RuntimeError where root cannot create the system user.
    """
    if os.geteuid() != 0:
        if directory.exists() and directory.stat().st_uid != os.geteuid():
            raise PermissionError(f"{directory} belongs to another user: run Vivavoce as its owner, or set another DATA_PATH.")
        return Account(os.geteuid(), os.getegid())
    if directory.exists() and (owner := directory.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return _system_user()


def _system_user() -> Account:
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        shutil.which("nologin") or "/bin/false",
        NAME,
    ]
    try:
        with suppress(KeyError):
            return _named(NAME)
        reason = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
        return _named(NAME)  # even where useradd failed: a process beside this one may have been first
    except FileNotFoundError:
        reason = "there is no useradd here"
    except KeyError:
        pass
    raise RuntimeError(
        f"PostgreSQL does not run as root and the system user {NAME} could not be created ({reason}): "
        "create it, run Vivavoce as a normal user, or set DATABASE_URL."
    )


def _named(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid)
