"""How many replicas the stages of a cluster get, by their work, the GPUs and the bounds."""

from dataclasses import replace
from typing import ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deployments.config import load_config, render
from deployments.scaling.bounds import Share, doubled, fits, upper_bounds
from deployments.scaling.replicas import (
    OVERDUE_S,
    PLACE_S,
    SETTLE_S,
    SHARE_DELAY_S,
    STOP_S,
    TOLERANCE,
    WORK_ON_FREE_GPUS_S,
    Planner,
    Pool,
    Stage,
)
from settings import Settings

GPUS = {"transcriber": 0.4, "diarizer": 0.25, "embedder": 0.1, "emotion": 0.25}
SHARES = {
    "transcriber": Share(0.4, 0.008),
    "diarizer": Share(0.25, 0.017),
    "embedder": Share(0.1, 0.0025),
    "emotion": Share(0.25, 0.005),
}
RELEASE_S = 300.0
NONE_FREE = Pool(4.0, (0.0, 0.0, 0.0, 0.0))

counts = st.integers(0, 12)
work = st.floats(0, 1e5)


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Stage]:
    """Stages as they may be found at some moment, also with more replicas than there are GPUs for."""
    found = {}
    for name, gpus in GPUS.items():
        target = draw(st.integers(1, 12))
        least = draw(st.integers(1, target))
        most = draw(st.integers(target, 16))
        found[name] = Stage(gpus, draw(work), draw(st.integers(0, target)), target, least, most)
    return found


def stages(target: dict[str, int] | None = None, audio_s: float = 0.0, most: int = 16) -> dict[str, Stage]:
    """Stages with so many replicas, which all run, and the work of so much audio."""
    found = {}
    for name, share in SHARES.items():
        count = (target or {}).get(name, 1)
        found[name] = Stage(share.gpus, audio_s * share.work, count, count, 1, most)
    return found


def gpus(counts: dict[str, int]) -> float:
    return sum(GPUS[name] * count for name, count in counts.items())


@given(st.integers(1, 40), st.dictionaries(st.sampled_from(sorted(GPUS)), st.floats(1e-4, 1.0), min_size=4))
def test_bounds_fit_on_the_gpus_all_at_once_with_a_place_for_every_stage(number: int, speeds: dict[str, float]) -> None:
    found = upper_bounds(number, {name: Share(GPUS[name], speed) for name, speed in speeds.items()})
    assert all(count >= 1 for count in found.values())
    assert gpus(found) <= number + TOLERANCE
    assert fits([GPUS[name] for name, count in found.items() for _ in range(count)], number)


def test_bounds_give_most_to_the_stage_that_needs_longest() -> None:
    found = upper_bounds(4, SHARES)
    assert found == {"transcriber": 3, "diarizer": 7, "embedder": 3, "emotion": 3}
    slowest = {name: SHARES[name].work / count for name, count in found.items()}
    assert max(slowest.values()) < 1 / 350  # seconds for a second of audio: one of each takes 1/59
    assert 4 - gpus(found) < 0.1


def test_one_gpu_has_every_stage_once() -> None:
    assert set(upper_bounds(1, SHARES).values()) == {1}


def test_gpus_without_room_for_every_stage_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1 GPUs have no room for every stage once, which takes 1.60"):
        upper_bounds(1, SHARES | {"transcriber": Share(1.0, 0.008)})


def test_fractions_that_sum_to_the_gpus_may_not_fit() -> None:
    assert fits([0.4, 0.4, 0.1, 0.1], 1)
    assert not fits([0.4, 0.4, 0.4, 0.4, 0.4], 2)


@pytest.mark.parametrize("number", [1, 4, 16])
def test_the_configuration_has_bounds_and_policy_for_its_gpus(number: int) -> None:
    (application,) = load_config("cluster", number)["applications"]
    args = application["args"]
    assert {name: args[name]["max_replicas"] for name in GPUS} == upper_bounds(number, SHARES)
    kwargs = application["autoscaling_policy"]["policy_kwargs"]
    assert kwargs["gpus"] == number
    assert {stage["gpus"] for stage in kwargs["stages"].values()} == {args[name]["gpus"] for name in GPUS}


def test_two_replicas_of_a_stage_are_kept_where_they_fit() -> None:
    assert doubled(2, SHARES) == dict.fromkeys(GPUS, 2)
    assert doubled(2, SHARES | {"transcriber": Share(0.8, 0.008)}) == dict.fromkeys(GPUS, 2) | {"transcriber": 1}


@pytest.mark.parametrize(("number", "least"), [(1, 1), (2, 2), (4, 2)])
def test_a_configuration_with_two_of_each_fits_on_its_gpus_or_says_that_it_does_not(number: int, least: int) -> None:
    text = render("cluster", Settings(_env_file=None), number, twice=True)
    args = yaml.safe_load(text)["applications"][0]["args"]
    assert {args[name]["min_replicas"] for name in (*GPUS, "worker")} == {least}
    assert all(args[name]["max_replicas"] >= least for name in GPUS)
    assert fits([GPUS[name] for name in GPUS for _ in range(args[name]["max_replicas"])], number)
    assert ("# No room for two replicas of: transcriber, diarizer, embedder, emotion." in text) == (least == 1)


@given(clusters(), st.floats(0, 600))
def test_the_policy_stays_within_the_bounds(found: dict[str, Stage], oldest_s: float) -> None:
    planner = Planner(4, RELEASE_S)
    for second in range(0, 1000, 7):
        for name, count in planner.decide(float(second), found, NONE_FREE, oldest_s).items():
            assert found[name].least <= count <= found[name].most


@given(st.floats(0, 1e6), st.floats(0, 600))
def test_a_cluster_that_starts_small_never_wants_more_gpus_than_it_may_have(audio_s: float, oldest_s: float) -> None:
    found = stages(audio_s=audio_s)
    assert gpus(Planner(4, RELEASE_S).decide(0.0, found, NONE_FREE, oldest_s)) <= 4 + TOLERANCE


@given(clusters())
def test_nothing_is_started_before_every_stage_has_a_replica(found: dict[str, Stage]) -> None:
    found["emotion"] = replace(found["emotion"], running=0)
    planner = Planner(16, RELEASE_S)
    for second in range(60):
        decided = planner.decide(float(second), found, Pool(16.0, (1.0,)), 1000.0)
        assert all(count <= stage.target for count, stage in zip(decided.values(), found.values(), strict=True))


@given(st.floats(1000, 1e6))
def test_work_is_shared_by_seconds(audio_s: float) -> None:
    """However much there is, no stage has twice the work of another for a replica, where it could have had one more."""
    found = stages(audio_s=audio_s)
    decided = Planner(4, RELEASE_S).decide(0.0, found, NONE_FREE)
    waiting = {name: found[name].work_s / count for name, count in decided.items()}
    if max(waiting.values()) > WORK_ON_FREE_GPUS_S:
        assert decided["diarizer"] >= decided["transcriber"] >= decided["emotion"] >= decided["embedder"]
        assert gpus(decided) > 4 - 0.25
    else:
        assert all(count == 1 or found[name].work_s / (count - 1) > WORK_ON_FREE_GPUS_S for name, count in decided.items())


def test_an_idle_cluster_keeps_its_replicas_for_a_while_and_then_one_of_each() -> None:
    planner, grown = Planner(4, RELEASE_S), {"transcriber": 4, "diarizer": 6, "embedder": 2, "emotion": 2}
    assert planner.decide(0.0, stages(grown), NONE_FREE) == grown
    assert planner.decide(RELEASE_S - 1, stages(grown), NONE_FREE) == grown
    assert set(planner.decide(RELEASE_S, stages(grown), NONE_FREE).values()) == {1}


def test_work_within_the_while_begins_it_again() -> None:
    planner, grown = Planner(4, RELEASE_S), {"transcriber": 4, "diarizer": 6, "embedder": 2, "emotion": 2}
    planner.decide(0.0, stages(grown), NONE_FREE)
    planner.decide(RELEASE_S - 1, stages(grown, audio_s=1e5), NONE_FREE)
    assert planner.decide(RELEASE_S, stages(grown), NONE_FREE) == grown
    assert planner.decide(2 * RELEASE_S - 1, stages(grown), NONE_FREE) == grown


def test_replicas_move_soon_to_the_stage_that_needs_them() -> None:
    planner, uneven = Planner(4, RELEASE_S), {"transcriber": 1, "diarizer": 12, "embedder": 1, "emotion": 1}
    found = stages(uneven, audio_s=1e5)
    assert planner.decide(0.0, found, NONE_FREE)["diarizer"] == 12
    decided = planner.decide(SHARE_DELAY_S, found, NONE_FREE)
    assert decided["diarizer"] < 8
    then = planner.decide(SHARE_DELAY_S + 1, stages(decided, audio_s=1e5), NONE_FREE)
    assert then["transcriber"] >= 4


def test_new_machines_are_wanted_for_much_work_or_for_jobs_that_wait_long() -> None:
    one = Pool(1.0, (0.0,))
    little, much = stages(audio_s=3000), stages(audio_s=30_000)
    assert gpus(Planner(4, RELEASE_S).decide(0.0, little, one)) == pytest.approx(1)
    assert gpus(Planner(4, RELEASE_S).decide(0.0, much, one)) > 2
    assert gpus(Planner(4, RELEASE_S).decide(0.0, little, one, OVERDUE_S + 1)) > 2


class TestALostStage:
    """Of four nodes with a GPU each one has died, with the only emotion recognizer; the others are full."""

    LEFT: ClassVar = {"transcriber": 3, "diarizer": 6, "embedder": 2, "emotion": 0}
    FULL = Pool(3.0, (0.0, 0.0, 0.1))

    def found(self, left: dict[str, int] | None = None) -> dict[str, Stage]:
        running, targets = left or self.LEFT, {"transcriber": 4, "diarizer": 7, "embedder": 2, "emotion": 1}
        return {
            name: replace(stage, running=running[name], target=max(targets[name], running[name]))
            for name, stage in stages(audio_s=1e4).items()
        }

    def test_gets_the_place_of_the_stage_with_least_work(self) -> None:
        planner = Planner(4, RELEASE_S)
        planner.decide(0.0, self.found(), self.FULL)
        decided = planner.decide(SETTLE_S, self.found(), self.FULL)
        # No replica waits any more that could take the place. An embedder's would be too small.
        assert decided == {"transcriber": 3, "diarizer": 5, "embedder": 2, "emotion": 1}

    def test_waits_while_its_replica_starts(self) -> None:
        planner, starting = Planner(4, RELEASE_S), self.LEFT | {"diarizer": 5}  # and the emotion recognizer has its place
        for second in range(100):
            decided = planner.decide(float(second), self.found(starting), self.FULL)
            assert decided == {"transcriber": 4, "diarizer": 7, "embedder": 2, "emotion": 1}

    def test_waits_where_there_is_room_but_not_for_ever(self) -> None:
        """Two halves of free GPUs of one node are no room for a whole one."""
        planner, room = Planner(4, RELEASE_S), Pool(4.0, (0.0, 0.0, 0.1, 1.0))
        for second in range(round(PLACE_S)):
            assert planner.decide(float(second), self.found(), room)["diarizer"] == 7
        assert planner.decide(PLACE_S, self.found(), room)["diarizer"] == 5

    def test_stops_no_second_replica_while_the_first_ends(self) -> None:
        planner = Planner(4, RELEASE_S)
        planner.decide(0.0, self.found(), self.FULL)
        planner.decide(SETTLE_S, self.found(), self.FULL)
        ending = self.LEFT | {"diarizer": 5}  # the sixth still holds its GPU
        for second in range(100):
            assert planner.decide(SETTLE_S + second, self.found(ending), self.FULL)["transcriber"] == 4
        assert planner.decide(SETTLE_S + 100, self.found(), self.FULL)["transcriber"] == 3

    def test_makes_room_step_by_step_where_one_place_is_too_small(self) -> None:
        found = self.found({"transcriber": 0, "diarizer": 8, "embedder": 2, "emotion": 3})
        planner, full = Planner(4, RELEASE_S), Pool(3.0, (0.0, 0.05, 0.0))
        planner.decide(0.0, found, full)
        first = planner.decide(SETTLE_S, found, full)
        assert (first["diarizer"] + first["emotion"], first["transcriber"]) == (10, 1)
        assert planner.decide(SETTLE_S + 1, found, full)["diarizer"] == 8
        second = planner.decide(SETTLE_S + STOP_S, found, full)
        assert second["diarizer"] + second["emotion"] == 10

    def test_is_brought_back_before_anything_else_grows(self) -> None:
        planner = Planner(16, RELEASE_S)
        decided = planner.decide(0.0, self.found() | {"diarizer": stages(audio_s=1e6)["diarizer"]}, Pool(16.0, (1.0,) * 16))
        assert decided["diarizer"] == 1
