"""No accepted recording is lost when processes are killed: the short version of `benchmarks.reliability.kill`, with real models
and a real Ray."""

import random
from pathlib import Path

import pytest

from tests.reliability.kills import EXCERPTS_S, TwoNodeApplication, kill_under_load

pytestmark = pytest.mark.ray


def test_no_recording_is_lost(open_directory: Path) -> None:
    kinds = ["transcriber", "postgres", "ingress", "application"]
    with TwoNodeApplication(open_directory / "data") as application:
        tally = kill_under_load(application, kinds, random.Random(0), EXCERPTS_S[:2], pause_s=(1.0, 4.0))
    assert tally.wrong == []
    assert len(tally.accepted) >= 4
    assert not tally.absent
    assert max(tally.attempts) > 1, "no job was in work when its worker was killed"
