"""Which participants the voices of live segments belong to, decided from values alone."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.live_segments import plan_live_segment, unrecognised
from pipeline.identity.matching import Neighbours
from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker
from pipeline.identity.state import ParticipantState
from pipeline.types import Participant, Vector, Voiceprint
from tests.storage.transcripts import MODEL, near, voice

THRESHOLD = 0.5
ADA, BOB = 1, 2


def live_voice(label: str, vector: Vector | None, seconds: float = 3.0) -> Participant:
    return Participant(label, seconds, None if vector is None else Voiceprint(vector, MODEL))


def stored(
    key: int, vector: Vector | None, speaker: int | None, last_position: int = -1, speech_seconds: float = 5.0
) -> ParticipantState:
    print_ = None if vector is None else Voiceprint(vector, MODEL)
    return ParticipantState(
        key, f"SPEAKER_{key:02d}", speaker, print_, speech_seconds=speech_seconds, last_position=last_position
    )


def plan(
    voices: Sequence[Participant],
    participants: Sequence[ParticipantState] = (),
    nearby: dict[str, Neighbours] | None = None,
    num_speakers: int | None = None,
) -> IdentityPlan:
    compared = unrecognised(voices, participants, THRESHOLD)
    return plan_live_segment(
        voices, participants, {label: (nearby or {}).get(label, {}) for label in compared}, THRESHOLD, num_speakers
    )


def test_a_participant_that_sounds_like_it_and_has_a_speaker_is_found_without_looking_further() -> None:
    voices = [live_voice("a", near(voice(1), 0.6))]
    there = [stored(10, voice(1), ADA), stored(11, voice(2), BOB)]
    assert unrecognised(voices, there, THRESHOLD) == {}
    found = plan(voices, there)
    assert found == IdentityPlan([], [], participant_of={"a": 10})


def test_a_new_voice_is_the_closest_known_speaker_else_a_new_one() -> None:
    found = plan([live_voice("a", voice(1))], [stored(0, voice(2), None)], {"a": {ADA: 0.6, BOB: 0.7}})
    assert found.added == [Participant("SPEAKER_01", 0.0, None)]
    assert found.assignments == [Assignment("SPEAKER_01", BOB, 0.7)]
    assert found.participant_of == {"a": "SPEAKER_01"}
    assert plan([live_voice("a", voice(1))]).assignments == [Assignment("SPEAKER_00", NewSpeaker(0))]


def test_a_known_speaker_who_is_there_already_is_that_participant() -> None:
    """Also where the participant's own vector is not near: the one who speaks most."""
    there = [
        stored(10, voice(2), ADA, speech_seconds=1.0),
        stored(11, voice(3), ADA, speech_seconds=9.0),
        stored(12, None, ADA, speech_seconds=9.0),
    ]
    found = plan([live_voice("a", voice(1))], there, {"a": {ADA: 0.8}})
    assert (found.participant_of, found.assignments) == ({"a": 11}, [])


def test_a_participant_without_a_speaker_gets_one_once_its_voice_is_long_enough() -> None:
    there = [replace(stored(10, voice(1), None), enrolled=False)]
    assert plan([live_voice("a", voice(1), 1.9)], there) == IdentityPlan([], [], participant_of={"a": 10})
    assert plan([live_voice("a", voice(1))], there).assignments == [Assignment(10, NewSpeaker(0), None, enrolled=False)]
    assert plan([live_voice("a", voice(1))], there, {"a": {BOB: 0.7}}).assignments == [Assignment(10, BOB, 0.7, enrolled=False)]


def test_a_short_voice_is_the_nearest_participant_else_who_spoke_last_and_makes_no_speaker() -> None:
    there = [stored(10, voice(1), ADA, 3), stored(11, voice(2), BOB, 7), stored(12, None, None, 8)]
    assert plan([live_voice("a", near(voice(2), 0.3), 1.0)], there).participant_of == {"a": 11}
    assert plan([live_voice("a", None, 1.0)], there).participant_of == {"a": 12}
    assert plan([live_voice("a", None, 5.0)], there[:2]).participant_of == {"a": 11}
    assert plan([live_voice("a", None, 1.0)]).assignments == [Assignment("SPEAKER_00", None)]


def test_vectors_of_another_model_are_not_compared() -> None:
    other = replace(stored(10, None, ADA, 3), voiceprint=Voiceprint(voice(1), "another"))
    assert plan([live_voice("a", voice(1))], [other]).assignments == [Assignment("SPEAKER_00", NewSpeaker(0))]
    assert plan([live_voice("a", voice(1), 1.0)], [other]).participant_of == {"a": 10}  # the last speaker


def test_no_participant_is_added_beyond_the_number_of_speakers() -> None:
    there = [stored(10, voice(1), ADA, 3), stored(11, voice(2), BOB, 7)]
    stranger = [live_voice("a", near(voice(1), 0.4))]
    assert plan(stranger, there, num_speakers=2).participant_of == {"a": 10}
    assert plan(stranger, there, num_speakers=3).participant_of == {"a": "SPEAKER_00"}
    assert plan(stranger, there, {"a": {7: 0.6}}, num_speakers=2).participant_of == {"a": "SPEAKER_00"}  # a known speaker


def test_two_voices_of_a_segment_are_two_participants_the_longer_one_first() -> None:
    there = [stored(10, voice(1), ADA)]
    found = plan([live_voice("short", near(voice(1), 0.9), 2.0), live_voice("long", near(voice(1), 0.8), 4.0)], there)
    assert found.participant_of == {"long": 10, "short": "SPEAKER_00"}
    assert plan(
        [live_voice("a", None), live_voice("b", None)], [stored(10, None, None, 3), stored(11, None, None, 5)]
    ).participant_of == {
        "a": 11,
        "b": 10,
    }


def test_a_participant_that_gets_a_speaker_is_a_reference_of_it_for_the_next_voice() -> None:
    found = plan([live_voice("a", voice(1), 4.0), live_voice("b", near(voice(1), 0.9))], [stored(10, voice(1), None)])
    assert found.assignments[0] == Assignment(10, NewSpeaker(0))
    assert found.assignments[1].speaker == NewSpeaker(0)
    assert found.participant_of == {"a": 10, "b": "SPEAKER_00"}


vectors = st.sampled_from([None, *(voice(i, 4) for i in range(4)), *(near(voice(i, 4), 0.6) for i in range(4))])


@given(
    st.lists(st.tuples(vectors, st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=3),
    st.lists(st.tuples(vectors, st.sampled_from([None, ADA, BOB]), st.integers(-1, 9)), max_size=4),
    st.dictionaries(st.integers(0, 2), st.dictionaries(st.integers(1, 4), st.floats(0.51, 0.99), max_size=3)),
    st.sampled_from([None, 1, 2, 3]),
)
def test_every_voice_has_a_participant_of_its_own(
    spoken: list[tuple[Vector | None, float]],
    there: list[tuple[Vector | None, int | None, int]],
    nearby: dict[int, dict[int, float]],
    num_speakers: int | None,
) -> None:
    voices = [live_voice(str(i), vector, seconds) for i, (vector, seconds) in enumerate(spoken)]
    participants = [stored(10 + i, vector, speaker, last) for i, (vector, speaker, last) in enumerate(there)]
    found = plan(voices, participants, {str(i): near for i, near in nearby.items()}, num_speakers)
    assert found.participant_of.keys() == {person.label for person in voices}
    assert len(set(found.participant_of.values())) == len(voices)
    added = {person.label for person in found.added}
    assert set(found.participant_of.values()) <= {person.key for person in participants} | added
    assert not added & {person.label for person in participants}
    for assignment in found.assignments:
        assert assignment.participant in found.participant_of.values()
        earlier = next((person for person in participants if person.key == assignment.participant), None)
        assert earlier is None or earlier.speaker is None, "no speaker is taken from a participant"
    short = [found.participant_of[person.label] for person in voices if person.speech_seconds < 2.0]
    for assignment in found.assignments:
        assert assignment.participant not in short or assignment.speaker is None
