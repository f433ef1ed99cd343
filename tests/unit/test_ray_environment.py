"""The private directory and the token of the program's Ray."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.ray_environment import TEMP, environment
from tests.support.program import ROOT


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The environment before the test, which `environment` changes."""
    before = dict(os.environ)
    os.environ["RAY_TMPDIR"] = str(tmp_path)
    os.environ["RAY_AUTH_TOKEN"] = "the user's own"
    yield
    os.environ.clear()
    os.environ.update(before)


def test_the_token_is_new_at_each_start_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        with environment(tmp_path / "data") as files:
            path = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
            assert path.read_text() == files.token
            assert len(files.token) == 64
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert path.parent == files.temp.parent
            assert os.environ["RAY_AUTH_MODE"] == "token"
            assert files.token not in os.environ.values()
            assert "RAY_AUTH_TOKEN" not in os.environ
            seen.add(files.token)
        assert not path.exists()
    assert len(seen) == 2


def test_the_directory_is_locked_so_that_old_files_stay(tmp_path: Path) -> None:
    """systemd-tmpfiles(8) cleans no directory with a lock."""
    with environment(tmp_path / "data") as files:
        cleaner = os.open(files.temp.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(cleaner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(cleaner)


def test_a_directory_that_another_user_can_enter_is_not_used(tmp_path: Path) -> None:
    with environment(tmp_path / "data") as files:
        directory = files.temp.parent
    directory.chmod(0o755)
    with environment(tmp_path / "data") as files:
        assert files.temp.parent != directory
        assert files.temp.parent.stat().st_mode & 0o777 == 0o700


def test_programs_on_different_data_share_no_directory(tmp_path: Path) -> None:
    with environment(tmp_path / "one") as one, environment(tmp_path / "two") as two:
        assert one.temp != two.temp


def test_logs_of_ended_programs_are_removed_except_the_newest(tmp_path: Path) -> None:
    with environment(tmp_path / "data") as files:
        pass
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    running = os.getppid()
    names = [f"session_2026-01-0{day}_00-00-00_000000_{pid}" for day, pid in ((1, running), (2, ended.pid), (3, ended.pid))]
    for name in names:
        (files.temp / name / "logs").mkdir(parents=True)
    (files.temp / "session_latest").symlink_to(files.temp / names[2])
    (files.temp.parent / f"token_{ended.pid}").write_text("left by a program that was killed")
    with environment(tmp_path / "data"):
        pass
    assert sorted(path.name for path in files.temp.iterdir()) == [names[0], names[2], "session_latest"]
    assert [path.name for path in files.temp.parent.iterdir()] == [TEMP]


PROGRAM = """
import sys
import vivavoce.server

assert "ray" not in sys.modules
import deployments.private_cluster

assert "ray" in sys.modules
assert not {"torch", "mcp", "api.app"} & sys.modules.keys()
"""


def test_it_comes_before_ray_and_the_program_imports_neither_models_nor_the_application() -> None:
    """Ray reads the environment when it is imported. What only replicas need would double the time of the imports."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
