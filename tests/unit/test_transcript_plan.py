"""The speakers of a transcript, decided from values alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.matching import REASSIGN_MARGIN, Neighbours, similarity
from pipeline.identity.plan import Assignment, IdentityPlan, NewSpeaker, SegmentMove
from pipeline.identity.segment_reassignment import disputed_segments
from pipeline.identity.transcripts import NearbySpeakers, all_participants, plan_transcript
from pipeline.types import Participant, Segment, Transcript, Turn, Vector, Voiceprint
from tests.storage.transcripts import MODEL, near, voice

THRESHOLD = 0.5
ADA, BOB = 1, 2


def transcript_of(
    voices: Mapping[str, Vector | None], spoken: Sequence[tuple[str, Vector | None]], length: float = 3.0
) -> Transcript:
    """A transcript of participants and of segments of `length` seconds, each with a voice."""
    segments = tuple(
        Segment(length * i, length * (i + 1), label, (), 0.0, voice=None if vector is None else Voiceprint(vector, MODEL))
        for i, (label, vector) in enumerate(spoken)
    )
    people = tuple(
        Participant(label, 9.0, None if vector is None else Voiceprint(vector, MODEL)) for label, vector in voices.items()
    )
    return Transcript(length * len(spoken), "en", segments, people)


def plan(
    transcript: Transcript,
    known: Mapping[int, Sequence[Vector]] | None = None,
    named: Sequence[int] = (ADA, BOB),
    nearby: Mapping[str, Neighbours] | None = None,
) -> IdentityPlan:
    """As `services.identity.transcripts` calls the planner, with the references of the `known` speakers in memory."""

    def neighbours(vector: Vector, floor: float) -> Neighbours:
        close = {id_: max(similarity(vector, reference) for reference in theirs) for id_, theirs in (known or {}).items()}
        return {id_: value for id_, value in close.items() if value > floor}

    people = all_participants(transcript)
    disputed = disputed_segments(transcript.segments, people, THRESHOLD)
    near_people = {p.label: neighbours(p.voiceprint.vector, THRESHOLD) for p in people if p.voiceprint is not None}
    near_segments = {at: neighbours(segment.voice.vector, THRESHOLD - REASSIGN_MARGIN) for at, segment in disputed.items()}
    values = NearbySpeakers(near_people | dict(nearby or {}), near_segments, set(named))
    return plan_transcript(people, disputed, values, THRESHOLD)


def test_a_voice_is_the_closest_known_speaker_else_a_new_one() -> None:
    content = transcript_of({"A": voice(1), "B": None, "C": voice(3), "D": voice(4)}, [])
    found = plan(content, nearby={"A": {ADA: 0.6, BOB: 0.8}})
    assert found.assignments == [
        Assignment("A", BOB, 0.8),
        Assignment("B", None),
        Assignment("C", NewSpeaker(0)),
        Assignment("D", NewSpeaker(1)),
    ]
    assert list(found.added) == list(content.participants)
    assert found.moves == []


def test_voices_without_words_are_participants_too() -> None:
    content = replace(transcript_of({"A": voice(1)}, []), turns=(Turn(0.0, 2.0, "A"), Turn(1.0, 1.5, "Z"), Turn(3.0, 4.0, "Z")))
    assert all_participants(content)[1:] == [Participant("Z", 1.5, None)]


def test_a_transcript_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="segments of X, who are not among its participants"):
        all_participants(transcript_of({"A": voice(1)}, [("X", None)]))
    with pytest.raises(ValueError, match="one embedding model"):
        all_participants(transcript_of({"A": voice(1), "B": voice(2, 192)}, []))


def test_a_segment_clearly_of_a_named_speaker_goes_to_a_new_participant() -> None:
    content = transcript_of({"A": voice(3)}, [("A", voice(3)), ("A", near(voice(1), 0.7)), ("A", near(voice(1), 0.8))])
    found = plan(content, {ADA: [voice(1)]})
    added = found.added[-1]
    assert (added.speech_seconds, added.voiceprint) == (0.0, None)
    # The participant was recognized from single segments, so its vector is no reference.
    assert found.assignments[-1] == Assignment(added.label, ADA, enrolled=False)
    assert [(move.segment, move.source, move.target) for move in found.moves] == [(1, "A", added.label), (2, "A", added.label)]
    assert [move.confidence for move in found.moves] == [pytest.approx(0.7, abs=1e-4), pytest.approx(0.8, abs=1e-4)]
    assert found.recomputed == {"A", added.label}


def test_of_several_participants_with_the_named_speaker_the_one_who_speaks_most_gets_the_segment() -> None:
    content = transcript_of({"A": voice(3), "B": voice(11), "C": voice(12), "D": voice(13)}, [("A", near(voice(1), 0.7))])
    speech = {"B": 4.0, "C": 8.0, "D": 8.0}
    content = replace(
        content, participants=tuple(replace(p, speech_seconds=speech.get(p.label, 9.0)) for p in content.participants)
    )
    found = plan(content, {ADA: [voice(1)]}, nearby={label: {ADA: 0.9} for label in "BCD"})
    assert [move.target for move in found.moves] == ["C"]
    assert len(found.added) == 4


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"end": 4.9}, id="too short"),
        pytest.param({"overlap": True}, id="overlapped"),
        pytest.param({"voice": None}, id="its voice is not known"),
        pytest.param({"voice": Voiceprint(voice(1), "another")}, id="another model made its voice"),
        pytest.param({"voice": Voiceprint(near(voice(3), 0.51), MODEL)}, id="it is above the threshold to its participant"),
        pytest.param({"voice": Voiceprint(near(voice(3), 0.45), MODEL)}, id="it is near enough to its participant"),
    ],
)
def test_other_segments_inherit(changes: dict[str, float | bool | Voiceprint | None]) -> None:
    content = transcript_of({"A": voice(3)}, [("A", voice(3)), ("A", voice(1))])
    changed = replace(content.segments[1], **changes)  # type: ignore[arg-type]
    found = plan(replace(content, segments=(content.segments[0], changed)), {ADA: [voice(1)]})
    assert (found.moves, len(found.added)) == ([], 1)


def test_a_segment_stays_where_another_reference_of_its_speaker_is_as_close() -> None:
    """Its own participant is far, but the participant's speaker also has a reference that is near."""
    content = transcript_of({"A": voice(3)}, [("A", near(voice(1), 0.7))])
    found = plan(content, {ADA: [voice(3), near(voice(1), 0.9)], BOB: [voice(1)]})
    assert (found.assignments[0].speaker, found.moves) == (ADA, [])


def test_for_another_participant_the_threshold_is_lower() -> None:
    content = transcript_of({"A": voice(3), "B": voice(4)}, [("A", near(voice(4), 0.45))])
    assert [(move.segment, move.target, move.confidence) for move in plan(content).moves] == [(0, "B", None)]
    content = transcript_of({"A": voice(3), "B": voice(4)}, [("A", near(voice(4), 0.35))])
    assert [move.target for move in plan(content).moves] != ["B"]


def test_unmatched_segments_become_participants_without_a_lasting_speaker() -> None:
    """A segment near an unknown speaker of another conversation does not go to that speaker."""
    spoken = [("A", voice(3)), ("A", voice(4)), ("A", voice(1)), ("A", near(voice(4), 0.8))]
    found = plan(transcript_of({"A": voice(3)}, spoken), {ADA: [voice(1)]}, named=[])
    first, second = found.added[1:]
    assert found.assignments[1:] == [Assignment(first.label, None), Assignment(second.label, None)]
    assert found.moves == [
        SegmentMove(1, "A", first.label),
        SegmentMove(2, "A", second.label),
        SegmentMove(3, "A", first.label),
    ]
    assert first.speech_seconds == 3.0
    assert first.voiceprint is not None
    assert first.voiceprint.vector is spoken[1][1]


voices = st.sampled_from([None, *(voice(i, 4) for i in range(5)), *(near(voice(i, 4), 0.5) for i in range(5))])


@given(
    st.lists(voices, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), voices), max_size=12),
    st.dictionaries(st.integers(1, 4), st.lists(st.integers(0, 4).map(lambda i: voice(i, 4)), min_size=1, max_size=2)),
    st.sets(st.integers(1, 4)),
)
def test_every_plan_is_complete(
    people: list[Vector | None],
    spoken: list[tuple[int, Vector | None]],
    known: dict[int, list[Vector]],
    named: set[int],
) -> None:
    content = transcript_of(
        {str(i): vector for i, vector in enumerate(people)}, [(str(i % len(people)), vector) for i, vector in spoken]
    )
    found = plan(content, known, list(named))
    labels = [person.label for person in found.added]
    assert labels[: len(people)] == [person.label for person in content.participants]
    assert len(set(labels)) == len(labels)
    assert [assignment.participant for assignment in found.assignments] == labels
    assert len({move.segment for move in found.moves}) == len(found.moves)
    for move in found.moves:
        assert move.source == content.segments[move.segment].speaker != move.target
        assert move.target in labels
        assert move.confidence is None or found.assignment_of[move.target].speaker in named
    for assignment in found.assignments[len(people) :]:
        assert any(move.target == assignment.participant for move in found.moves)
    assert found.recomputed == {key for move in found.moves for key in (move.source, move.target)}
    new = [assignment.speaker for assignment in found.assignments if isinstance(assignment.speaker, NewSpeaker)]
    assert [speaker.number for speaker in new] == list(range(len(new)))
