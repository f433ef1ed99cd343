"""The system user that runs the embedded PostgreSQL. PostgreSQL refuses to run as root, so root creates a user for it."""

import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from settings import NAME
from storage.postgres import run_as


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
    def is_other(self) -> bool:
        """Whether this is not the user who runs this process."""
        return self.uid != os.geteuid()

    def command(self, program: str | Path, *arguments: str | Path) -> list[str]:
        """The command line that runs `program`, an absolute path, as this user."""
        switch = [sys.executable, "-I", "-S", run_as.__file__, str(self.uid), str(self.gid)] if self.is_other else []
        return [*switch, *map(str, (program, *arguments))]

    def barrier(self, path: Path) -> Path | None:
        """The first directory of `path`, `path` included, that this user may not enter; None where there is none.

        Raises PermissionError where this process may not act as the user.
        """
        if self._may_enter(path):
            return None
        return next(step for step in (*reversed(path.parents), path) if not self._may_enter(step))

    def _may_enter(self, directory: Path) -> bool:
        command = self.command(shutil.which("test") or "/usr/bin/test", "-x", directory)
        # In a new session, which Ctrl-C does not reach: the answer of a program that it ends would read as a refusal.
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, start_new_session=True)
        if done.returncode not in (0, 1):  # of `test`
            raise PermissionError(
                f"PostgreSQL cannot run as the user {self.name}: {done.stderr.strip() or f'status {done.returncode}.'} "
                "Run Vivavoce as a normal user, or set DATABASE_URL."
            )
        return done.returncode == 0


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
