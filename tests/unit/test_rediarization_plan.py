"""Which participants the segments of a live conversation belong to after all of it was diarized."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.plan import CONFIRMED, Assignment, IdentityPlan, SegmentMove, VoiceUpdate
from pipeline.identity.rediarization import plan_rediarization
from pipeline.identity.state import ParticipantState, is_confirmed
from pipeline.types import ConversationSegment, Participant, Turn, Voiceprint
from tests.storage.transcripts import MODEL, voice
from tests.support import segments as support

X, Y = Voiceprint(voice(1), MODEL), Voiceprint(voice(2), MODEL)


def person(key: int, speaker: int | None = None, *, confirmed: bool = False) -> ParticipantState:
    return ParticipantState(
        key, f"SPEAKER_{key:02d}", speaker or key, Voiceprint(voice(key), MODEL), 0.7, has_confirmed_segment=confirmed
    )


def segment(id_: int, participant: int, seconds: float, *, confirmed: bool = False) -> ConversationSegment:
    stored = support.segment(0.0, seconds, "", "", confidence=CONFIRMED if confirmed else None)
    return replace(stored, id=id_, participant_id=participant)


def plan(
    people: Sequence[ParticipantState],
    segments: Sequence[ConversationSegment],
    label_of: Mapping[int, str],
    voices: Mapping[str, Voiceprint | None],
) -> IdentityPlan:
    turns = [Turn(3.0 * i, 3.0 * i + 2.0, label) for i, label in enumerate(label_of.values())]
    return plan_rediarization(people, segments, label_of, turns, voices)


def test_two_participants_that_are_one_voice_are_joined() -> None:
    segments = [segment(1, 10, 2.0), segment(2, 11, 3.0), segment(3, 11, 1.0)]
    found = plan([person(10), person(11)], segments, {1: "x", 2: "x", 3: "x"}, {"x": X})
    assert found.participant_of == {"x": 11}  # the participant with the most speech
    assert found.moves == [SegmentMove(1, 10, 11)]
    assert found.voice_updates == [VoiceUpdate(11, 6.0, X)]
    assert (found.added, found.recomputed) == ([], {10})  # the other vector is that of the diarizer


def test_a_voice_that_no_participant_stands_for_is_added() -> None:
    segments = [segment(1, 10, 2.0), segment(2, 10, 1.0)]
    found = plan([person(10)], segments, {1: "x", 2: "y"}, {"x": X, "y": Y})
    assert found.added == [Participant("SPEAKER_00", 2.0, Y)]
    assert found.assignments == [Assignment("SPEAKER_00", None)]
    assert found.moves == [SegmentMove(2, 10, "SPEAKER_00")]
    assert found.recomputed == set()
    without_voice = plan([person(10)], segments, {1: "x", 2: "y"}, {})
    assert without_voice.recomputed == {10, "SPEAKER_00"}


def test_who_a_person_confirmed_stands_for_a_label_first_and_keeps_segments_and_voice() -> None:
    segments = [segment(1, 10, 1.0), segment(2, 11, 9.0), segment(3, 10, 1.0), segment(4, 11, 1.0)]
    found = plan([person(10, confirmed=True), person(11)], segments, {1: "x", 2: "x", 3: "y", 4: "y"}, {"x": X, "y": Y})
    assert found.participant_of == {"x": 10, "y": 11}
    assert found.moves == [SegmentMove(2, 11, 10)]
    assert found.voice_updates == [VoiceUpdate(10, 4.0, None), VoiceUpdate(11, 4.0, Y)]
    assert found.recomputed == {10}


def test_segments_that_a_person_assigned_or_the_diarizer_did_not_hear_stay() -> None:
    segments = [segment(1, 10, 5.0), segment(2, 11, 1.0, confirmed=True), segment(3, 11, 1.0)]
    assert plan([person(10), person(11)], segments, {1: "x", 2: "x"}, {"x": X}).moves == []


@given(
    st.lists(st.booleans(), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0.1, 9.0), st.booleans(), st.sampled_from([None, "x", "y", "z"])), max_size=8
    ),
    st.sets(st.sampled_from(["x", "y", "z"])),
)
def test_every_label_has_a_participant_of_its_own(
    confirmed: list[bool], spoken: list[tuple[int, float, bool, str | None]], known: set[str]
) -> None:
    people = [replace(person(10 + i), has_confirmed_segment=yes) for i, yes in enumerate(confirmed)]
    segments = [
        segment(i, 10 + at % len(people), length, confirmed=by_hand) for i, (at, length, by_hand, _) in enumerate(spoken)
    ]
    label_of = {i: label for i, (*_, label) in enumerate(spoken) if label is not None}
    found = plan(people, segments, label_of, dict.fromkeys(known, X))
    assert found.participant_of.keys() == set(label_of.values())
    assert len(set(found.participant_of.values())) == len(found.participant_of)
    moved = {move.segment: move.target for move in found.moves}
    for one in segments:
        label = label_of.get(one.id)
        fixed = label is None or is_confirmed(one) or confirmed[one.participant_id - 10]
        target = one.participant_id if fixed else found.participant_of[str(label)]
        assert moved.get(one.id, one.participant_id) == target
    for update in found.voice_updates:
        assert update.voiceprint is None or not confirmed[update.participant - 10]
