"""The manifest of a model's directory: its files with sizes and hashes, written when the directory is created."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.weights.catalogue import Model

NAME = "manifest.json"

PICKLES = frozenset({".bin", ".ckpt", ".pkl", ".pt"})
"""Suffixes of files that torch loads."""

State = Literal["ok", "missing", "mismatch"]


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected size and hash of a file."""

    size: int
    """Bytes."""
    sha256: str
    licence: str


def write(directory: Path, model: Model, source: str, revision: str | None) -> None:
    """Record every file in the directory; `source` and `revision` say where they came from."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != NAME]
    entries = {str(path.relative_to(directory)): {"size": path.stat().st_size, "sha256": sha256(path)} for path in files}
    content = {"model": model.name, "licence": model.licence, "source": source, "revision": revision, "files": entries}
    (directory / NAME).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read(directory: Path, model: Model) -> dict[str, Expected] | None:
    """The expected files by relative path; hashes of the catalogue take precedence. None without a manifest."""
    try:
        entries = json.loads((directory / NAME).read_text(encoding="utf-8"))["files"]
        recorded = {path: Expected(entry["size"], entry["sha256"], model.licence) for path, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return recorded | pinned(model)


def revision(directory: Path) -> str | None:
    """The revision that was downloaded from the hub; None where it is not known."""
    try:
        found = json.loads((directory / NAME).read_text(encoding="utf-8")).get("revision")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def pinned(model: Model) -> dict[str, Expected]:
    """The files that the catalogue expects in the directory."""
    return {file.path: Expected(file.size, file.sha256, file.licence) for file in model.files}


def check(path: Path, expected: Expected) -> State:
    """Whether the file exists and has the expected size and hash."""
    try:
        if path.stat().st_size != expected.size:
            return "mismatch"
        return "ok" if sha256(path) == expected.sha256 else "mismatch"
    except OSError:
        return "missing"


def is_whole(directory: Path, model: Model) -> bool:
    """Whether the directory can be used. Sizes are compared; pickles, which run code when they are loaded, are hashed."""
    entries = read(directory, model)
    if entries is None or not entries.keys() >= set(model.derived):
        return False
    for name, expected in entries.items():
        path = directory / name
        if path.suffix in PICKLES and model.role != "whisper":  # Whisper's model.bin is in CTranslate2's own format
            if check(path, expected) != "ok":
                return False
        elif not path.is_file() or path.stat().st_size != expected.size:
            return False
    return True


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
