"""`hatch_build.py` with the real npm and the real Hatch, on a page that needs no packages and so no network."""

import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import hatch_build
from tests.support.program import ROOT

PROJECT = """
[project]
name = "paged"
version = "1"
[tool.hatch.build]
artifacts = ["/web/dist"]
dev-mode-dirs = ["."]
[tool.hatch.build.hooks.custom]
[tool.hatch.build.targets.wheel]
only-include = ["web/dist"]
"""
BUILD = """
const fs = require("fs");
fs.appendFileSync("../builds", "built\\n");
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/index.html", fs.readFileSync("source.txt"));
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    web = root / "web"
    web.mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / ".gitignore").write_text("/builds\ndist/\nnode_modules/\n")
    shutil.copy(ROOT / "hatch_build.py", root)
    package = {"name": "page", "version": "1.0.0", "scripts": {"build": "node build.cjs"}}
    lock = {"name": "page", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "page", "version": "1.0.0"}}}
    (web / "package.json").write_text(json.dumps(package))
    (web / "package-lock.json").write_text(json.dumps(lock))
    (web / "build.cjs").write_text(BUILD)
    (web / "source.txt").write_text("first")
    return root


def builds(project: Path) -> int:
    log = project / "builds"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_only_changed_sources_are_built(project: Path) -> None:
    web = project / "web"
    for _ in range(2):
        hatch_build.build(web)
        assert (web / "dist" / "index.html").read_text() == "first"
        assert builds(project) == 1
    (web / "source.txt").write_text("second")
    assert not hatch_build.is_built(web)
    hatch_build.build(web)
    assert (web / "dist" / "index.html").read_text() == "second"
    (web / "source.txt").rename(web / "renamed.txt")
    assert not hatch_build.is_built(web)


def test_packages_stay_only_where_they_were_before(project: Path) -> None:
    web = project / "web"
    hatch_build.build(web)
    assert not (web / "node_modules").exists()
    hatch_build.install(web)
    assert hatch_build.is_installed(web)
    (web / "source.txt").write_text("second")
    hatch_build.build(web)
    assert hatch_build.is_installed(web)
    (web / "package-lock.json").write_text((web / "package-lock.json").read_text() + "\n")
    assert not hatch_build.is_installed(web)


def test_a_wheel_and_a_source_distribution_contain_the_page(project: Path, tmp_path: Path) -> None:
    [sdist] = SdistBuilder(str(project)).build(directory=str(tmp_path))
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / "paged-1"
    [wheel] = WheelBuilder(str(unpacked)).build(directory=str(tmp_path), versions=["standard"])
    assert {"web/dist/index.html", "web/dist/.stamp"} <= set(zipfile.ZipFile(wheel).namelist())
    assert builds(project) == 1
    assert builds(unpacked) == 0, "What a source distribution contains is not built again: it needs no npm."


def test_without_a_registry_only_an_editable_install_succeeds(project: Path, tmp_path: Path) -> None:
    web = project / "web"
    (web / ".npmrc").write_text("registry=http://127.0.0.1:9/\nfetch-retries=0\n")  # no program listens there
    needed = {"needed": "1.0.0"}
    package = json.loads((web / "package.json").read_text())
    (web / "package.json").write_text(json.dumps({**package, "dependencies": needed}))
    lock = json.loads((web / "package-lock.json").read_text())
    lock["packages"][""]["dependencies"] = needed
    lock["packages"]["node_modules/needed"] = {"version": "1.0.0", "resolved": "http://127.0.0.1:9/needed-1.0.0.tgz"}
    (web / "package-lock.json").write_text(json.dumps(lock))
    for builder in (SdistBuilder, WheelBuilder):
        with pytest.raises(Exception, match=r"`npm ci` failed\. It needs the npm registry"):
            list(builder(str(project)).build(directory=str(tmp_path), versions=["standard"]))
    [wheel] = WheelBuilder(str(project)).build(directory=str(tmp_path), versions=["editable"])
    assert Path(wheel).exists()
    assert builds(project) == 0
    assert not (web / "node_modules").exists()
