from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.plan import Merge
from pipeline.identity.unknown_speakers import certain_merges, likely_merges

NEARBY = st.dictionaries(
    st.integers(0, 7), st.lists(st.dictionaries(st.integers(0, 7), st.floats(0.4, 1.0), max_size=6), max_size=4), max_size=8
)
NAMED = st.sets(st.integers(0, 7))
PAIRS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).map(frozenset), max_size=6)
THRESHOLD = 0.5

Nearby = Mapping[int, Sequence[Mapping[int, float]]]


def test_an_unknown_whose_every_reference_is_like_a_named_speaker_becomes_them() -> None:
    assert certain_merges({7: [{1: 0.6}, {1: 0.8, 3: 0.7}]}, {1}, [], THRESHOLD) == [Merge(7, 1, 0.7)]


@pytest.mark.parametrize(
    ("nearby", "named", "apart"),
    [
        pytest.param({7: [{1: 0.9}, {1: 0.45}]}, {1}, [], id="one reference is not like them"),
        pytest.param({7: [{1: 0.9, 2: 0.51}]}, {1, 2}, [], id="two named speakers are like it"),
        pytest.param({7: [{1: 0.9}]}, {1}, [frozenset((1, 7))], id="both were heard in one conversation"),
        pytest.param({1: [{7: 0.9}, {}], 7: [{1: 0.9}, {}]}, set(), [], id="neither unknown is all like the other"),
        pytest.param({3: [{7: 0.9}], 7: [{3: 0.9}, {1: 0.6}]}, {1}, [], id="one of two unknown may be somebody who is named"),
        pytest.param({7: [{3: 0.9, 1: 0.6}, {3: 0.9}]}, {1}, [], id="a named speaker is like a part of it"),
        pytest.param({7: [{1: 0.5}]}, {1}, [], id="exactly the threshold is not above it"),
        pytest.param({7: []}, {1}, [], id="nothing is known of it"),
        pytest.param({1: [{2: 0.9}]}, {1, 2}, [], id="both are named"),
    ],
)
def test_where_the_evidence_is_weak_nothing_happens(nearby: Nearby, named: set[int], apart: list[frozenset[int]]) -> None:
    assert certain_merges(nearby, named, apart, THRESHOLD) == []


def test_of_two_unknown_speakers_the_older_one_remains() -> None:
    assert certain_merges({1: [{7: 0.9}], 7: [{1: 0.9}, {}]}, set(), [], THRESHOLD) == [Merge(7, 1, 0.9)]
    assert certain_merges({1: [{7: 0.9}, {}], 7: [{1: 0.9}]}, set(), [], THRESHOLD) == [Merge(7, 1, 0.9)]


def test_a_chain_does_not_become_one_person() -> None:
    """3 is like 2 and 2 is like 1, but 3 is not like 1."""
    assert certain_merges({3: [{2: 0.9}], 2: [{1: 0.8, 3: 0.9}]}, {1}, [], THRESHOLD) == [Merge(2, 1, 0.8)]


def test_two_distinct_speakers_do_not_both_become_a_third() -> None:
    nearby = {5: [{1: 0.9}], 6: [{1: 0.8}], 7: [{1: 0.7}]}
    assert certain_merges(nearby, {1}, [frozenset((5, 6))], THRESHOLD) == [Merge(5, 1, 0.9), Merge(7, 1, 0.7)]


@given(NEARBY, NAMED, PAIRS, st.randoms())
def test_merges_are_sound_whatever_is_near_whatever(nearby: Nearby, named: set[int], apart: set[frozenset[int]], rng) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    merges = certain_merges(nearby, named, apart, THRESHOLD)
    gone, kept = [m.source for m in merges], {m.target for m in merges}
    assert len(gone) == len(set(gone))
    assert not set(gone) & named, "a name that a person gave is never lost"
    assert not set(gone) & kept, "no cascades"
    groups: dict[int, set[int]] = {}
    for merge in merges:
        ways = [(merge.source, merge.target)] + ([(merge.target, merge.source)] if merge.target not in named else [])
        assert any(nearby[a] and all(near.get(b, 0) > THRESHOLD for near in nearby[a]) for a, b in ways if a in nearby)
        assert merge.target in named or merge.target < merge.source
        groups.setdefault(merge.target, {merge.target}).add(merge.source)
    for group in groups.values():
        assert not any(pair <= group and len(pair) == 2 for pair in apart)
    shuffled = list(nearby.items())
    rng.shuffle(shuffled)
    assert certain_merges(dict(shuffled), named, apart, THRESHOLD) == merges


@given(NEARBY, NAMED, PAIRS)
def test_what_is_certain_is_likely_too(nearby: Nearby, named: set[int], apart: set[frozenset[int]]) -> None:
    pairs = {frozenset((m.source, m.target)) for m in likely_merges(nearby, named)}
    assert {frozenset((m.source, m.target)) for m in certain_merges(nearby, named, apart, THRESHOLD)} <= pairs


def test_suggestions_come_from_the_likeliest_on_and_need_half_of_the_references() -> None:
    nearby = {7: [{1: 0.45, 3: 0.5}, {3: 0.7, 9: 0.9}, {3: 0.6}], 3: [{7: 0.9, 1: 0.42}], 9: [{7: 0.41}]}
    assert likely_merges(nearby, {1}) == [Merge(7, 3, 0.6), Merge(3, 1, 0.42), Merge(9, 7, 0.41)]
