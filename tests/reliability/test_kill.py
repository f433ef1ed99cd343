"""No accepted recording is lost when processes are killed: the short version of `benchmarks.reliability.kill`, with real models
and a real Ray.

It is the last to use the application that all tests of the program share.
"""

import random

import pytest

from tests.reliability.kills import EXCERPTS_S, KINDS, TwoNodeApplication, kill_under_load
from tests.support.program import ServedApplication

pytestmark = pytest.mark.ray


def test_no_recording_is_lost(program: ServedApplication) -> None:
    kinds = ["transcriber", "postgres", "ingress", "application"]
    with TwoNodeApplication(program) as application:
        tally = kill_under_load(application, kinds, random.Random(0), EXCERPTS_S[:2], pause_s=(1.0, 4.0))
    assert tally.wrong == []
    assert len(tally.accepted) >= 4
    assert not tally.absent
    assert max(tally.attempts) > 1, "no job was in work when its worker was killed"


@pytest.mark.soak
def test_no_recording_is_lost_in_many_kills(program: ServedApplication) -> None:
    chance = random.Random()
    kinds = [*KINDS, *KINDS]
    chance.shuffle(kinds)
    with TwoNodeApplication(program) as application:
        tally = kill_under_load(application, kinds, chance)
    assert tally.wrong == []


def test_the_application_then_ends_at_ctrl_c_and_leaves_no_process(program: ServedApplication) -> None:
    assert program.stop() == 0
    assert program.left() == []
