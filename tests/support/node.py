"""Programs of `tests/clients`, with the packages of its lock file."""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.program import ROOT, environment

CLIENTS = ROOT / "tests" / "clients"
INSTALL_TIMEOUT_S = 800


@cache
def installed() -> Path:
    """A directory outside the tree with the packages and the programs.

    Without npm or what it installs the test is skipped, or fails where `REQUIRE_NODE` is set.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        give_up("There is no Node.js here: clients on the TypeScript SDK are not run.")
    files = [file for file in sorted(CLIENTS.iterdir()) if file.is_file()]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "vivavoce-test-clients" / digest
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this run
        if not directory.exists():
            _install(npm, files, directory)
    return directory


def _install(npm: str, files: list[Path], directory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=directory.parent) as building:
        for file in files:
            shutil.copy(file, building)
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=building, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = str(error.stderr or error).strip().splitlines()[-1:]
            give_up(f"npm could not install the clients: {''.join(said)}")
        # The Inspector's command reads its version from the folder of the whole Inspector, which is four times as large.
        version = {"name": "inspector", "version": "0.0.0"}
        (Path(building) / "node_modules" / "@modelcontextprotocol" / "package.json").write_text(json.dumps(version))
        Path(building).rename(directory)
        Path(building).mkdir()  # for its removal


def give_up(reason: str) -> NoReturn:
    """Skip the test, or let it fail where `REQUIRE_NODE` is set."""
    if os.environ.get("REQUIRE_NODE"):
        pytest.fail(reason)
    pytest.skip(reason)


async def node(*arguments: str | Path, typed: object = None) -> dict[str, object]:
    """Run a program of the directory, with `typed` as JSON on its input; what it writes, as JSON."""
    process = await asyncio.create_subprocess_exec(
        "node",
        *arguments,
        cwd=installed(),
        env=environment(NODE_NO_WARNINGS="1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(typed).encode())
    assert process.returncode == 0, (out[-2000:], err[-2000:])
    found: dict[str, object] = json.loads(out)
    return found
