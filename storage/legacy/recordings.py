"""Find the recordings that the reference system's database names."""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

MAX_PARTS = 32


def find(named: str | None, directory: Path | None) -> Path | None:
    """The file in `directory` that ends as the path in the database does, as that may be another machine's or a container's.

    `/app/data/recordings/x.wav` is looked for as `app/data/recordings/x.wav`, then `data/recordings/x.wav`, and so on. A path
    that leaves the directory, by a link or otherwise, is not followed.
    """
    if not named or directory is None or "\0" in named:
        return None
    path = PureWindowsPath(named) if "\\" in named else PurePosixPath(named)
    parts = [part for part in path.parts if part not in (path.anchor, ".", "..")][-MAX_PARTS:]
    root = directory.resolve()
    for first in range(len(parts)):
        found = _regular_file(root, parts[first:])
        if found is not None:
            return found
    return None


def _regular_file(root: Path, parts: list[str]) -> Path | None:
    try:
        path = root.joinpath(*parts).resolve()
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError, RuntimeError):  # a name that is too long, or links in a circle
        return None
    return path if inside and os.access(path, os.R_OK) else None
