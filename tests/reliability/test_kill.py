"""What was accepted comes to its end, whatever dies: the short version of `benchmarks.reliability.kill`, on real models and
a real Ray."""

import random
from pathlib import Path

import pytest

from benchmarks.reliability import kill

pytestmark = pytest.mark.ray


def test_no_recording_is_lost(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill, "PAUSES", (1.0, 4.0))
    monkeypatch.setattr(kill, "PIECES", kill.PIECES[:2])
    with kill.Victim(open_directory / "data") as victim:
        tally = kill.torment(victim, ["transcriber", "postgres", "ingress", "application"], random.Random(0))
    assert tally.wrong == []
    assert len(tally.accepted) >= 4
    assert not tally.absent
    assert max(tally.attempts) > 1, "nothing was in work when its worker died"
