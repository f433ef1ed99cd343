"""Who may read the data directory: new files, and those of installations that were readable by every user."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from media.spool import Spool
from settings import Settings
from storage import private_files
from storage.audio import AudioStore
from storage.postgres.server import DatabaseServer

READ_ALL = """
import os, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
for directory, directories, files in os.walk(sys.argv[3]):
    print(directory)
    for name in files:
        path = os.path.join(directory, name)
        try:
            open(path, "rb").close()
            print(path)
        except OSError:
            pass
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A data directory as earlier versions made it: readable by every user."""
    data = tmp_path / "data"
    (data / "audio" / "deep").mkdir(parents=True)
    for name in ("audio/one.flac", "audio/deep/two.flac", "serve.lock"):
        (data / name).write_bytes(b"sound")
    (tmp_path / "elsewhere").write_text("not ours")
    (data / "audio" / "link").symlink_to(tmp_path / "elsewhere")
    for path in (data, *data.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "elsewhere").chmod(0o644)
    return data


def test_files_may_be_removed_while_an_installation_is_closed(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica deletes a recording, or PostgreSQL a file, while another process starts."""
    chmod = os.chmod

    def too_late(path: str, mode: int, **options: bool) -> None:
        if str(path).endswith(".flac"):
            Path(path).unlink()
        chmod(path, mode, **options)

    monkeypatch.setattr(os, "chmod", too_late)
    private_files.close_data(installation)
    assert mode(installation) == 0o700
    assert list(installation.rglob("*.flac")) == []


def test_an_earlier_installation_is_closed_once(installation: Path, tmp_path: Path) -> None:
    private_files.close_data(installation)
    for path in (installation, *installation.rglob("*")):
        if not path.is_symlink():
            assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    assert mode(tmp_path / "elsewhere") == 0o644
    # A closed directory is not read again, which would take long in a large archive.
    (installation / "audio" / "one.flac").chmod(0o644)
    private_files.close_data(installation)
    assert mode(installation / "audio" / "one.flac") == 0o644


@pytest.mark.parametrize("shared", ["another program", "sticky"])
def test_a_directory_with_other_programs_stays_open(installation: Path, shared: str) -> None:
    if shared == "sticky":
        installation.chmod(0o1777)
    else:
        (installation / "another").mkdir(mode=0o755)
    before = installation.stat().st_mode
    private_files.close_data(installation)
    assert installation.stat().st_mode == before
    assert mode(installation / "audio") == 0o700
    assert mode(installation / "audio" / "one.flac") == 0o600
    if shared == "another program":
        assert mode(installation / "another") == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a directory to another user")
def test_directories_of_other_users_stay_as_they_are(installation: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    theirs = installation / "postgres"
    theirs.mkdir()
    (theirs / "file").write_text("theirs")
    theirs.chmod(0o750)
    (theirs / "file").chmod(0o640)
    os.chown(theirs, nobody, -1)
    private_files.close_data(installation)
    assert (mode(theirs), mode(theirs / "file")) == (0o750, 0o640)
    assert mode(installation) == 0o700


def test_a_missing_directory_stays_missing(tmp_path: Path) -> None:
    private_files.close_data(tmp_path / "none")
    private_files.close(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


async def test_new_recordings_and_spools_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "talk.wav").write_bytes(b"RIFF")
        store = AudioStore(str(tmp_path / "data" / "audio"))
        key = await store.put(tmp_path / "talk.wav", ".wav")
        with Spool(tmp_path / "data" / "live" / "one.pcm") as spool:
            spool.append(np.zeros(1, np.float32))
    finally:
        os.umask(before)
    assert mode(tmp_path / "data" / "audio" / key) == 0o600
    assert mode(tmp_path / "data" / "live" / "one.pcm") == 0o600
    assert mode(tmp_path / "data" / "audio") == mode(tmp_path / "data" / "live") == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("earlier", [True, False])
def test_another_user_reads_nothing(open_directory: Path, earlier: bool) -> None:
    data = open_directory / str(earlier)
    if earlier:
        (data / "audio").mkdir(parents=True)
        (data / "audio" / "talk.flac").write_bytes(b"sound")
    nobody = pwd.getpwnam("nobody")
    user = [str(nobody.pw_uid), str(nobody.pw_gid)]
    with DatabaseServer(Settings(data_path=data, database_url=None)) as url:
        sockets = Path(url.split("host=")[1])
        for directory in (data, sockets):
            command = [sys.executable, "-c", READ_ALL, *user, str(directory)]
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            assert found == [], directory
        assert mode(data) == 0o710
        assert mode(data / "postgres") == 0o700
