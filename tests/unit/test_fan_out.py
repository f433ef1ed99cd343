"""One recording divided among replicas, as `benchmarks.performance.fan_out` simulates it."""

import pytest

from benchmarks.performance.fan_out import one_recording
from tests.support.cluster.sleeping import CLUSTER


@pytest.mark.parametrize(("minutes", "replicas", "share"), [(60, 4, 0.94), (60, 16, 0.85), (30, 8, 0.88)])
def test_replicas_share_a_recording_evenly(minutes: float, replicas: int, share: float) -> None:
    seconds = 60 * minutes
    alone, divided = (one_recording(count, seconds, CLUSTER * seconds) for count in (1, replicas))
    assert alone / replicas / divided >= share
