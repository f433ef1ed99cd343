import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from media import recording
from media.spool import Spool, SpoolBusyError
from tests.support.program import ROOT


def tone(n: int) -> np.ndarray:
    return np.sin(np.arange(n) / 20).astype(np.float32) * 0.5


def test_appended_samples_can_be_read(tmp_path: Path) -> None:
    with Spool(tmp_path / "live" / "a.pcm") as spool:
        spool.append(tone(1000))
        spool.append(np.array([2.0, -2.0], np.float32))
        assert spool.length == 1002
        assert np.abs(spool.read(0, 1000) - tone(1000)).max() < 1 / 32768
        assert spool.read(998, 5000)[-2:].tolist() == [32767 / 32768, -1.0]
        assert len(spool.read(2000, 3000)) == 0


def test_an_exported_recording_has_the_same_samples(tmp_path: Path) -> None:
    with Spool(tmp_path / "a.pcm") as spool:
        spool.append(tone(70 * 16000))
        spool.export(tmp_path / "a.flac")
        assert np.array_equal(recording.read(tmp_path / "a.flac"), spool.read(0, spool.length))


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Spool(tmp_path / "a.pcm"), pytest.raises(SpoolBusyError):
        Spool(tmp_path / "a.pcm")
    Spool(tmp_path / "a.pcm").close()


def test_half_a_sample_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.pcm").write_bytes(b"\1\0\2\0\3")
    with Spool(tmp_path / "a.pcm") as spool:
        assert spool.length == 2
        spool.append(tone(1))
        assert spool.length == 3
        assert spool.path.stat().st_size == 6


def spool_of_ended(path: Path) -> Spool:
    """The recording of a process that has ended, whose lock may be there for a moment longer."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return Spool(path)
        except SpoolBusyError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_killed_process_leaves_its_samples_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.pcm"
    code = (
        "import sys, time, numpy as np; from pathlib import Path; from media.spool import Spool\n"
        f"s = Spool(Path({str(path)!r})); s.append(np.full(160, 0.25, np.float32))\n"
        "print('written', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(SpoolBusyError):
            Spool(path)
        process.send_signal(signal.SIGKILL)
    with spool_of_ended(path) as spool:
        assert spool.read(0, 1000).tolist() == [0.25] * 160


def test_a_discarded_file_is_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.pcm")
    spool.discard()
    assert not spool.path.exists()
