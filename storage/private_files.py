"""Permissions of the data directory: only the user who runs the program may read what it keeps."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

OTHERS = stat.S_IRWXG | stat.S_IRWXO
ENTER = stat.S_IXGRP
"""The permission of PostgreSQL's group on the data directory where root runs the program."""
PARTS = frozenset({"audio", "live", "postgres"})
"""The directories that the program makes in the data directory."""


def close_data(data_path: Path) -> None:
    """Withdraw the permissions of other users from an existing data directory. Blocks.

    A directory that other programs use, too, stays as it is, except for the program's own directories.
    """
    if not data_path.is_dir():
        return
    with os.scandir(data_path) as entries:
        foreign = any(entry.is_dir() and entry.name not in PARTS for entry in entries)
    if not foreign and not data_path.stat().st_mode & stat.S_ISVTX:
        close(data_path)
        return
    for part in PARTS:
        close(data_path / part)


def close(directory: Path) -> None:
    """Withdraw the permissions of group and others from a directory and all that it holds; nothing happens if it is missing.

    The directory itself comes last: its mode shows at the next start that nothing is left to do. Directories of other users
    stay as they are, such as PostgreSQL's under root, or a volume that Kubernetes shares with a group. Blocks.
    """
    try:
        found = directory.stat()
    except FileNotFoundError:
        return
    if not found.st_mode & (OTHERS & ~ENTER) or os.geteuid() not in (0, found.st_uid):
        return
    for path, entry in _below(str(directory), found.st_uid):
        if entry.st_mode & OTHERS:
            with suppress(FileNotFoundError):  # another process has removed it
                os.chmod(path, stat.S_IMODE(entry.st_mode) & ~OTHERS)  # noqa: PTH101 - an archive has millions of these
    directory.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)


def create(path: Path) -> BinaryIO:
    """Open a new file that only its owner may read. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def runtime_directory(base: Path, name: str, uid: int, gid: int) -> Path:
    """A directory for sockets that only its owner may enter, the same at each call unless another user has taken the name.

    `base` may be a directory that every user writes to, such as /tmp.
    """
    directory = base / name
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        os.chown(directory, uid, gid)
    found = directory.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == uid and stat.S_IMODE(found.st_mode) == stat.S_IRWXU:
        return directory
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
    os.chown(directory, uid, gid)
    return directory


def admit(directory: Path, group: int) -> None:
    """Let the members of a group enter the directory, but not list it. Others may not enter it."""
    found = directory.stat()
    if found.st_mode & stat.S_IXOTH or (found.st_gid == group and found.st_mode & ENTER):
        return
    os.chown(directory, -1, group)
    directory.chmod(stat.S_IRWXU | ENTER)


def _below(directory: str, owner: int) -> Iterator[tuple[str, os.stat_result]]:
    """The owner's files and directories in `directory`, a directory after its content. Symbolic links are left out."""
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_uid != owner or stat.S_ISLNK(found.st_mode):
                continue
            if stat.S_ISDIR(found.st_mode):
                yield from _below(entry.path, owner)
            yield entry.path, found
