"""The plan for an identification by a person, computed from values alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.identification import names_voice, plan_identification
from pipeline.identity.plan import (
    CONFIRMED,
    Assignment,
    IdentityPlan,
    Merge,
    NewSpeaker,
    ParticipantKey,
    SegmentMove,
    SpeakerKey,
)
from pipeline.identity.state import ParticipantState
from pipeline.types import Participant

ADA, BOB, UNKNOWN = 1, 2, 3
SEGMENT = 100


def person(key: int, speaker: int | None, *, speech_seconds: float = 5.0) -> ParticipantState:
    named = speaker in (ADA, BOB)
    return ParticipantState(key, f"SPEAKER_{key:02d}", speaker, None, 0.7, is_named=named, speech_seconds=speech_seconds)


def plan(
    people: list[ParticipantState], target: int | None, *, enroll: bool = True, only_this: bool = False
) -> tuple[IdentityPlan, int | NewSpeaker]:
    """The segment is spoken by the first of the people."""
    return plan_identification(SEGMENT, people[0], people, target, "Cleo", enroll=enroll, only_this=only_this)


STAYS = [SegmentMove(SEGMENT, 10, 10, CONFIRMED)]


def test_a_new_name_for_an_unknown_speaker_renames_it() -> None:
    assert plan([person(10, UNKNOWN)], None) == (IdentityPlan(renames={UNKNOWN: "Cleo"}, moves=STAYS), UNKNOWN)


@pytest.mark.parametrize("enroll", [True, False])
def test_an_unknown_speaker_becomes_the_known_one(enroll: bool) -> None:
    merge = Merge(UNKNOWN, ADA, CONFIRMED, enrolled=enroll)
    assert plan([person(10, UNKNOWN)], ADA, enroll=enroll) == (IdentityPlan(merges=[merge], moves=STAYS), ADA)


def test_a_participant_without_a_speaker_gets_the_known_one_or_a_new_one() -> None:
    found = IdentityPlan(assignments=[Assignment(10, ADA, 0.7, enrolled=False)], moves=STAYS)
    assert plan([person(10, None)], ADA, enroll=False) == (found, ADA)
    new = NewSpeaker(0, "Cleo")
    assert plan([person(10, None)], None) == (IdentityPlan(assignments=[Assignment(10, new, 0.7)], moves=STAYS), new)


@pytest.mark.parametrize("speaker", [ADA, UNKNOWN])
@pytest.mark.parametrize("only_this", [True, False])
def test_a_segment_that_already_has_the_given_speaker_stays(speaker: int, only_this: bool) -> None:
    there = replace(person(10, speaker), enrolled=False)
    for enroll in (True, False):
        found = IdentityPlan(assignments=[Assignment(10, speaker, 0.7, enrolled=enroll)], moves=STAYS)
        assert plan([there], speaker, enroll=enroll, only_this=only_this) == (found, speaker)
    kept = plan([replace(there, enrolled=True)], speaker, enroll=False)[0]
    assert kept.assignments[0].enrolled, "an enrolled voice is never taken away"


def test_a_segment_of_a_named_speaker_moves_alone() -> None:
    """To the participant of the speaker who speaks most, else to one that is added."""
    people = [person(10, ADA), person(11, BOB, speech_seconds=3.0), person(12, BOB, speech_seconds=9.0)]
    assert plan(people, BOB) == (IdentityPlan(moves=[SegmentMove(SEGMENT, 10, 12, CONFIRMED)]), BOB)
    added = IdentityPlan(
        [Participant("SPEAKER_00", 0.0, None)],
        [Assignment("SPEAKER_00", BOB, enrolled=False)],
        [SegmentMove(SEGMENT, 10, "SPEAKER_00", CONFIRMED)],
    )
    assert plan(people[:1], BOB, enroll=False) == (added, BOB)
    assert plan(people, None)[0].assignments == [Assignment("SPEAKER_00", NewSpeaker(0, "Cleo"))]


@pytest.mark.parametrize("speaker", [None, UNKNOWN])
def test_an_unknown_voice_may_be_named_in_one_segment_alone(speaker: int | None) -> None:
    found, _ = plan([person(10, speaker), person(11, ADA)], ADA, only_this=True)
    assert found == IdentityPlan(moves=[SegmentMove(SEGMENT, 10, 11, CONFIRMED)])


people = st.lists(
    st.tuples(st.sampled_from([None, ADA, BOB, UNKNOWN]), st.floats(0.0, 9.0), st.booleans()), min_size=1, max_size=4
)


@given(people, st.sampled_from([None, ADA, BOB, UNKNOWN]), st.booleans(), st.booleans())
def test_the_segment_gets_the_speaker_and_no_named_speaker_changes(
    voices: list[tuple[int | None, float, bool]], target: int | None, enroll: bool, only_this: bool
) -> None:
    there = [
        replace(person(10 + i, speaker, speech_seconds=speech), enrolled=enrolled)
        for i, (speaker, speech, enrolled) in enumerate(voices)
    ]
    found, speaker = plan(there, target, enroll=enroll, only_this=only_this)
    assert speaker == target or target is None
    (move,) = found.moves
    assert (move.segment, move.source, move.confidence) == (SEGMENT, 10, CONFIRMED)
    merged = {merge.source: merge.target for merge in found.merges}
    speaker_of: dict[ParticipantKey, SpeakerKey | None] = {
        p.key: merged.get(p.speaker, p.speaker) if isinstance(p.speaker, int) else None for p in there
    }
    speaker_of |= {assignment.participant: assignment.speaker for assignment in found.assignments}
    assert speaker_of[move.target] == speaker
    assert not {ADA, BOB} & (merged.keys() | found.renames.keys())
    for p in there[1:]:
        assert p.key not in found.assignment_of
    if not names_voice(there[0], target, only_this=only_this):
        assert not found.merges
        assert not found.renames
