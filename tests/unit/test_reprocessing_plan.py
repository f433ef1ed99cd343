"""Confirmed speakers outlive a new comparison of voices, decided from values alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.plan import CONFIRMED, Assignment, IdentityPlan, NewSpeaker, SegmentMove
from pipeline.identity.reprocessing import ConversationState, matched_again, plan_carry_over, plan_rematch
from pipeline.identity.state import ParticipantState, is_confirmed
from pipeline.types import ConversationSegment, Voiceprint, Word
from tests.storage.transcripts import MODEL, voice
from tests.support import segments as support

ADA, BOB, CAL = 1, 2, 3
FORMER, NEW = 10, 20
"""Keys of the participants start here: those of the former transcript and those of the new one."""


def person(key: int, speaker: int | None, similarity: float | None = None, *, model: str | None = MODEL) -> ParticipantState:
    return ParticipantState(
        key,
        f"SPEAKER_{key:02d}",
        speaker,
        None if model is None else Voiceprint(voice(key), model),
        similarity,
        speech_seconds=5.0,
    )


def segment(
    id_: int, participant: int, words: int = 4, *, confirmed: bool = False, marked: bool = False
) -> ConversationSegment:
    said = tuple(Word(" word", float(i), i + 1.0, 0.9) for i in range(words))
    stored = support.segment(0.0, float(words), "", "", words=said, is_misidentified=marked)
    return replace(stored, id=id_, participant_id=participant, confidence=CONFIRMED if confirmed else None)


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        pytest.param({}, False, id="matched"),
        pytest.param({"has_confirmed_segment": True}, True, id="a segment was identified"),
        pytest.param({"enrolled": False}, True, id="its speaker is not to be known by it"),
        pytest.param({"enrolled": False, "has_turns": False}, False, id="a segment was moved to it by its voice"),
        pytest.param({"similarity": None, "is_named": True}, True, id="a new speaker that was named"),
        pytest.param({"similarity": None}, False, id="a new speaker without a name"),
        pytest.param({"is_named": True}, False, id="a match with a named speaker"),
        pytest.param({"has_confirmed_segment": True, "speaker": None}, False, id="without a speaker"),
    ],
)
def test_who_was_confirmed_by_a_person(changes: dict[str, bool | None], confirmed: bool) -> None:
    assert replace(person(10, ADA, 0.7), **changes).user_confirmed == confirmed  # type: ignore[arg-type]


def test_only_voices_that_no_person_confirmed_are_matched_again() -> None:
    people = [
        person(10, ADA, 0.7),
        replace(person(11, ADA, 0.7), has_confirmed_segment=True),
        replace(person(12, ADA, 0.7), has_turns=False),
        person(13, ADA, 0.7, model="another"),
        person(14, None, model=None),
        person(15, None),
    ]
    assert [p.key for p in matched_again(people, MODEL)] == [10, 15]


def test_a_voice_is_the_closest_speaker_or_keeps_an_unclaimed_one_or_is_new() -> None:
    people = [person(10, ADA, 0.7), person(11, ADA, 0.8), person(12, BOB, 0.6), person(13, None)]
    references = Counter({(ADA, MODEL): 0, (BOB, MODEL): 2, (ADA, "another"): 3})
    plan = plan_rematch(people, {10: {CAL: 0.9, BOB: 0.6}, 11: {}, 12: {}, 13: {}}, references, MODEL)
    assert plan == IdentityPlan(
        assignments=[
            Assignment(10, CAL, 0.9),
            Assignment(11, ADA, 0.8),
            Assignment(12, NewSpeaker(0)),
            Assignment(13, NewSpeaker(1)),
        ]
    )


def carry_over(
    former: tuple[Sequence[ParticipantState], Sequence[ConversationSegment]],
    new: tuple[Sequence[ParticipantState], Sequence[ConversationSegment]],
    source_of: Mapping[int, int],
    references: Mapping[tuple[int, str], int] | None = None,
) -> IdentityPlan:
    successor_of = {source: id_ for id_, source in reversed(list(source_of.items()))}
    return plan_carry_over(ConversationState(*former), ConversationState(*new), source_of, successor_of, Counter(references))


def test_a_voice_with_most_words_of_a_confirmed_one_has_its_speaker() -> None:
    """This holds even where it was matched to another speaker."""
    was = replace(person(10, ADA, None), is_named=True, enrolled=False)
    former = [was, person(11, BOB, 0.7)], [segment(1, 10, 6), segment(2, 11, 5)]
    new = [person(20, CAL, 0.9)], [segment(3, 20, 6), segment(4, 20, 5)]
    plan = carry_over(former, new, {3: 1, 4: 2}, {(ADA, MODEL): 5})
    assert plan.assignments == [Assignment(20, ADA, None, enrolled=False)]
    half = [person(20, CAL, 0.9)], [segment(3, 20, 6), segment(4, 20, 6)]
    assert carry_over(former, half, {3: 1, 4: 2}).assignments == []


@pytest.mark.parametrize(
    ("now", "references", "kept"),
    [
        pytest.param(person(20, 99), {}, True, id="nothing else is known of the speaker"),
        pytest.param(person(20, 99), {(ADA, "another"): 3}, True, id="the speaker is known to another model only"),
        pytest.param(person(20, 99), {(ADA, MODEL): 1}, False, id="the speaker is known by another reference"),
        pytest.param(person(20, BOB, 0.8), {}, False, id="the voice was recognised"),
        pytest.param(person(20, None, model=None), {(ADA, MODEL): 1}, True, id="there is no voiceprint to compare"),
    ],
)
def test_a_new_voice_keeps_the_speaker_of_its_words_where_nothing_else_is_known(
    now: ParticipantState, references: dict[tuple[int, str], int], kept: bool
) -> None:
    former = [person(10, ADA, 0.7)], [segment(1, 10)]
    plan = carry_over(former, ([now], [segment(3, 20)]), {3: 1}, references)
    assert plan.assignments == ([Assignment(20, ADA, 0.7)] if kept else [])


def test_of_two_new_voices_with_the_words_of_one_the_longer_keeps_its_speaker() -> None:
    """The first one is a reference of the speaker by then, by which the second one would have been recognised."""
    former = [person(10, ADA, 0.7)], [segment(1, 10, 4), segment(2, 10, 6)]
    new = [person(20, 98), person(21, 99)], [segment(3, 20, 4), segment(4, 21, 6)]
    assert carry_over(former, new, {3: 1, 4: 2}).assignments == [Assignment(21, ADA, 0.7)]
    silent = [replace(person(10, ADA, 0.7), enrolled=False, has_turns=False)], former[1]
    assert [a.participant for a in carry_over(silent, new, {3: 1, 4: 2}).assignments] == [21, 20]


def test_a_segment_that_a_person_assigned_goes_to_that_speaker() -> None:
    was = replace(person(10, ADA, 0.7), has_confirmed_segment=True)
    former = [was, person(11, BOB, 0.7)], [segment(1, 10, confirmed=True), segment(2, 11)]
    new = [person(20, BOB, 0.9), person(21, CAL)], [segment(3, 20), segment(4, 20), segment(5, 20, 9), segment(6, 21)]
    plan = carry_over(former, new, {3: 1, 4: 1, 5: 2})
    (added,) = plan.added
    assert (added.speech_seconds, added.voiceprint) == (0.0, None)
    assert plan.assignments == [Assignment(added.label, ADA)]
    assert plan.moves == [SegmentMove(3, 20, added.label, CONFIRMED), SegmentMove(4, 20, added.label, CONFIRMED)]
    assert plan.recomputed == {20, added.label}


def test_it_goes_to_the_participant_of_that_speaker_who_speaks_most_or_stays() -> None:
    was = replace(person(10, ADA, 0.7), has_confirmed_segment=True)
    former = [was], [segment(1, 10, confirmed=True), segment(2, 10, confirmed=True)]
    people = [person(20, BOB, 0.9), person(21, ADA, 0.6), replace(person(22, ADA, 0.6), speech_seconds=9.0)]
    new = people, [segment(3, 20), segment(4, 20, 9), segment(5, 21)]
    plan = carry_over(former, new, {3: 1, 5: 2})
    assert (plan.added, plan.assignments) == ([], [Assignment(21, ADA, 0.7)])  # as it says the words of ADA alone
    assert plan.moves == [SegmentMove(3, 20, 22, CONFIRMED), SegmentMove(5, 21, 21, CONFIRMED)]
    assert plan.recomputed == {20, 22}


def test_a_mark_stays_on_a_segment_that_still_has_its_speaker() -> None:
    former = (
        [person(10, ADA, 0.7), person(11, BOB, 0.7)],
        [
            segment(1, 10, marked=True),
            segment(2, 11, marked=True),
            segment(3, 11, marked=True),
        ],
    )
    new = [person(20, ADA, 0.7)], [segment(4, 20), segment(5, 20)]
    plan = carry_over(former, new, {4: 1, 5: 2})
    assert (plan.misidentified, plan.recomputed) == ([4], {20})


speakers = st.sampled_from([None, ADA, BOB])
people = st.lists(st.tuples(speakers, st.sampled_from([None, 0.7]), st.booleans()), min_size=1, max_size=3)


@given(
    people,
    people,
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 5)), max_size=6),
)
def test_corrections_of_a_segment_are_kept(
    before: list[tuple[int | None, float | None, bool]],
    after: list[tuple[int | None, float | None, bool]],
    old: list[tuple[int, bool, bool]],
    now: list[tuple[int, int | None]],
) -> None:
    former_people = [
        replace(person(FORMER + i, who, similarity), is_named=named) for i, (who, similarity, named) in enumerate(before)
    ]
    new_people = [replace(person(NEW + i, who, similarity), is_named=named) for i, (who, similarity, named) in enumerate(after)]
    former_segments = [
        segment(100 + i, FORMER + at % len(before), confirmed=confirmed, marked=marked)
        for i, (at, confirmed, marked) in enumerate(old)
    ]
    new_segments = [segment(200 + i, NEW + at % len(after)) for i, (at, _) in enumerate(now)]
    source_of = {200 + i: 100 + source for i, (_, source) in enumerate(now) if source is not None and source < len(old)}
    plan = carry_over((former_people, former_segments), (new_people, new_segments), source_of)

    speaker_of = {p.key: p.speaker for p in new_people} | {a.participant: a.speaker for a in plan.assignments}
    owner = {s.id: s.participant_id for s in new_segments} | {move.segment: move.target for move in plan.moves}
    former_of = {s.id: former_people[s.participant_id - FORMER] for s in former_segments}
    for id_, source in source_of.items():
        confirmed = is_confirmed(former_segments[source - 100])
        assert confirmed == (id_ in {move.segment for move in plan.moves})
        if confirmed and former_of[source].speaker is not None:
            assert speaker_of[owner[id_]] == former_of[source].speaker
    for assignment in plan.assignments:
        assert assignment.speaker in {p.speaker for p in former_people} - {None}
    for marked in plan.misidentified:
        source = source_of[marked]
        assert former_segments[source - 100].is_misidentified
        assert speaker_of[owner[marked]] == former_of[source].speaker
    changed = {key for move in plan.moves if move.source != move.target for key in (move.source, move.target)}
    assert plan.recomputed == changed | {owner[id_] for id_ in plan.misidentified}
