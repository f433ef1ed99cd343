"""The budget for decoded sound, and the free space on the disk."""

import gc
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from media import free_space, memory, recording
from media.free_space import DiskFullError
from media.memory import MemoryBudget
from pipeline.types import SAMPLE_RATE, Samples

ROOT = Path(__file__).parents[3]


def in_memory(samples: Samples) -> bool:
    return samples.base is None


def test_what_exceeds_the_budget_lies_in_a_file_that_is_gone_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    budget = MemoryBudget(4_000)
    first, second = budget.allocate(600), budget.allocate(600)
    assert (in_memory(first), in_memory(second), budget.used_bytes) == (True, False, 2_400)
    assert list(tmp_path.iterdir()) == []
    second[:] = 0.5
    assert second.sum() == 300
    view = first[:10]
    del first
    assert budget.used_bytes == 2_400  # a view keeps it
    del view
    gc.collect()
    assert budget.used_bytes == 0
    assert in_memory(budget.allocate(1_000))
    assert len(budget.allocate(0)) == 0


def test_a_recording_is_read_the_same_in_both_ways(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 61 * SAMPLE_RATE).astype(np.float32)
    recording.write(tmp_path / "a.flac", noise)
    plain = recording.read(tmp_path / "a.flac")
    spooled = recording.read(tmp_path / "a.flac", None, MemoryBudget(0))
    assert not in_memory(spooled)
    assert np.array_equal(plain, spooled)
    assert np.abs(plain - noise).max() < 1e-4


def test_the_memory_is_that_of_the_machine_or_less() -> None:
    assert 0 < memory.of_machine() <= psutil.virtual_memory().total


def test_the_limits_of_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory/pod/job").mkdir(parents=True)
    (tmp_path / "pod/job").mkdir(parents=True)
    for path, limit in (
        ("pod/job/memory.max", "max"),
        ("pod/memory.max", "5000"),
        ("memory/pod/memory.limit_in_bytes", "6000"),
    ):
        (tmp_path / path).write_text(limit + "\n")
    (tmp_path / "own").write_text("1:cpu:/other\n2:memory:/pod/job\n0::/pod/job\n")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_OWN_CGROUP", tmp_path / "own")
    assert memory.of_machine() == 5000
    (tmp_path / "own").unlink()
    assert memory.of_machine() == psutil.virtual_memory().total


def test_a_floor_of_the_disk_stays_free(tmp_path: Path) -> None:
    free = psutil.disk_usage(str(tmp_path)).free
    free_space.require(tmp_path / "not" / "there")
    with pytest.raises(DiskFullError, match=r"^The server's disk is full: its last [\d.]+ [GM]B stay free\.") as raised:
        free_space.require(tmp_path, free - 1_000)
    assert str(tmp_path) not in str(raised.value)


FULL_DISK = """
import numpy as np
from media.free_space import DiskFullError
from media.memory import MemoryBudget
kept = []
try:
    while True:
        kept.append(MemoryBudget(0).allocate(2_000_000))
except DiskFullError:
    for samples in kept:
        samples[:] = 0.5
    print(len(kept))
"""


def test_sound_in_files_has_its_space_before_it_is_written(tmp_path: Path) -> None:
    """Two arrays of 8 MB fit on a disk of 20 MB."""
    mounted = 'mount -t tmpfs -o size=20m none "$0" && TMPDIR="$0" exec "$@"'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mounted, str(tmp_path), sys.executable, "-c"]
    if subprocess.run([*command, ""], cwd=ROOT, check=False).returncode != 0:
        pytest.skip("needs the right to mount a disk in a namespace")
    done = subprocess.run([*command, FULL_DISK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
