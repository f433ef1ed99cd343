"""What a profile file contains after a person or a conversation was removed from it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from pipeline.formats.profile_conversation import WithoutConversations
from pipeline.formats.profile_file import Header, Vocabulary, render
from pipeline.formats.profile_person import WithoutPerson
from pipeline.formats.profile_redaction import redact
from pipeline.identity.erased_person import ErasedPerson, mentions

ONE, TWO = uuid4(), uuid4()
CREATED = datetime(2026, 1, 2, tzinfo=UTC)
NOBODY = ErasedPerson(frozenset(), frozenset(), frozenset(), frozenset(), frozenset(), frozenset())


def speaker(id_: int, name: str, *references: list[float], **fields: Any) -> dict[str, Any]:
    samples = [{"vector": vector, "model": "m", "source": "enrolled"} for vector in references]
    return {"id": id_, "name": name, "embedding": [9.0], "embedding_model": "m", "references": samples, **fields}


def participant(id_: int, speaker_id: int | None, vector: list[float], uuid: UUID = ONE) -> dict[str, Any]:
    place = {"conversation_id": 1 if uuid == ONE else 2, "conversation_uuid": str(uuid), "label": f"SPEAKER_{id_:02d}"}
    return {"id": id_, **place, "speaker_id": speaker_id, "vector": vector, "model": "m", "confidence": 0.5}


def segment(id_: int, participant_id: int, speaker_id: int | None, uuid: UUID | None = ONE, **fields: Any) -> dict[str, Any]:
    place = {"conversation_id": 1 if uuid == ONE else 2, "conversation_uuid": uuid and str(uuid)}
    times = {"start_offset": 1.0, "end_offset": 2.0}
    return {"id": id_, **place, "participant_id": participant_id, "speaker_id": speaker_id, **times, **fields}


def corrected(vector: list[float]) -> dict[str, Any]:
    emotion = {"emotion_category": "happy", "emotion_corrected": True, "emotion_vector": vector, "emotion_model": "e"}
    return {**emotion, "voice_vector": vector, "voice_model": "m"}


def file(speakers: list[Any], participants: list[Any], segments: list[Any]) -> str:
    entries = ([json.dumps(entry) for entry in entries] for entries in (speakers, participants, segments))
    return render(Header(version=3, name="kept", timestamp="t"), *entries)


def without_person(content: str, **known: Any) -> Any:
    found = {name: getattr(NOBODY, name) for name in NOBODY.__slots__} | {k: frozenset(v) for k, v in known.items()}
    redacted = redact(content, WithoutPerson(ErasedPerson(**found)))
    return None if redacted is None else json.loads(redacted.content)


def without_conversation(content: str, uuid: UUID = ONE) -> Any:
    redacted = redact(content, WithoutConversations({uuid: 1}))
    return None if redacted is None else json.loads(redacted.content)


TALK = file(
    [speaker(1, "Ada", [1.0, 2.0]), speaker(2, "Bob"), speaker(3, "Unknown_01")],
    [participant(10, 1, [3.0]), participant(11, 2, [4.0]), participant(12, 3, [5.0]), participant(13, 2, [6.0])],
    [segment(20, 10, 1, speaker_name="Ada", **corrected([7.0])), segment(21, 11, 2, speaker_name="Bob")],
)


def test_hot_words_with_a_name_of_the_person_go() -> None:
    vocabulary = Vocabulary(hotwords=["Adagio", "ADA", "Lee Ada", "Bob"], include_speaker_names=True)
    content = render(Header(version=3, name="kept", vocabulary=vocabulary), [], [], [])
    left = {"hotwords": ["Adagio", "Bob"], "include_speaker_names": True}
    assert without_person(content, names=["Ada"])["vocabulary"] == left
    assert without_person(content, names=["Lee, Ada"])["vocabulary"]["hotwords"] == ["Adagio", "ADA", "Bob"]
    assert without_person(content, names=["Eve"]) is None
    assert without_conversation(content) is None


def test_erasing_a_name_of_separators_alone_leaves_hot_words() -> None:
    content = render(Header(version=3, name="kept", vocabulary=Vocabulary(hotwords=["Dr. Who, M.D."])), [], [], [])
    assert without_person(content, names=[",;"]) is None


def test_a_speaker_of_this_name_is_the_person() -> None:
    found = without_person(TALK, names=["Ada"])
    assert [one["name"] for one in found["speakers"]] == ["Bob", "Unknown_01"]
    ours, *others = found["participants"]
    assert (ours["speaker_id"], ours["vector"], ours["model"], ours["confidence"]) == (None, None, None, None)
    assert [one["vector"] for one in others] == [[4.0], [5.0], [6.0]]
    first, second = found["segments"]
    assert (first["speaker_id"], first["speaker_name"]) == (None, None)
    assert (first["emotion_vector"], first["voice_vector"], first["emotion_category"]) == (None, None, "happy")
    assert second["speaker_name"] == "Bob"
    assert (found["name"], found["timestamp"]) == ("kept", "t")


def test_a_file_without_the_person_stays_as_it_is() -> None:
    assert without_person(TALK, names=["Eve"], voices=[(TWO, 10)], rows=[(1, CREATED)]) is None


@pytest.mark.parametrize(
    "known",
    [
        {"rows": [(1, CREATED)]},
        {"vectors": [np.array([1.0, 2.0], np.float32).tobytes()]},
    ],
    ids=["id and time of creation", "a reference"],
)
def test_a_speaker_with_another_name_may_be_the_person(known: dict[str, Any]) -> None:
    content = file([speaker(1, "Ida", [1.0, 2.0], created_at=CREATED.isoformat()), speaker(2, "Bob")], [], [])
    assert [one["name"] for one in without_person(content, **known)["speakers"]] == ["Bob"]


def test_an_unknown_speaker_with_a_participant_of_the_person_is_the_person() -> None:
    found = without_person(TALK, voices=[(ONE, 12), (ONE, 13)])
    assert [one["name"] for one in found["speakers"]] == ["Ada", "Bob"]  # a name that a person gave says more
    assert [one["vector"] for one in found["participants"]] == [[3.0], [4.0], None, None]
    assert [one["embedding"] for one in found["speakers"]] == [[9.0], None]


def test_names_that_the_program_gave_say_nothing_about_a_file_of_another_database() -> None:
    assert without_person(TALK, names=["Unknown_01"]) is None


def test_a_conversation_goes_with_the_unknown_speakers_that_have_nothing_else() -> None:
    content = file(
        [speaker(1, "Ada"), speaker(2, "Unknown_01"), speaker(3, "Unknown_02")],
        [participant(10, 1, [1.0]), participant(11, 2, [2.0]), participant(12, 3, [3.0]), participant(13, 3, [4.0], TWO)],
        [segment(20, 10, 1), segment(21, 11, 2), segment(22, 13, 3, TWO)],
    )
    found = without_conversation(content)
    assert [one["name"] for one in found["speakers"]] == ["Ada", "Unknown_02"]
    assert [one["embedding"] for one in found["speakers"]] == [None, None]
    assert [one["id"] for one in found["participants"]] == [13]
    assert [one["id"] for one in found["segments"]] == [22]
    assert without_conversation(content, uuid4()) is None


def test_a_file_without_uuids_knows_conversations_by_their_ids() -> None:
    content = file([speaker(1, "Ada")], [], [segment(20, 10, 1, None) | {"conversation_id": number} for number in (1, 2)])
    assert [one["conversation_id"] for one in without_conversation(content)["segments"]] == [2]


def test_emotion_profiles_lose_the_samples_of_the_conversation() -> None:
    profile = {"emotion_category": "happy", "embedding": [2.0, 4.0], "embedding_model": "e", "sample_count": 2}
    voice = {"voice_embedding": [2.0, 4.0], "voice_embedding_model": "m", "voice_sample_count": 2}
    content = file(
        [speaker(1, "Ada", emotion_profiles=[profile | voice])],
        [],
        [segment(20, 10, 1, **corrected([1.0, 3.0])), segment(21, 13, 1, TWO, **corrected([3.0, 5.0]))],
    )
    ((left,),) = (one["emotion_profiles"] for one in without_conversation(content)["speakers"])
    assert (left["embedding"], left["sample_count"]) == ([3.0, 5.0], 1)
    assert (left["voice_embedding"], left["voice_sample_count"]) == ([3.0, 5.0], 1)
    redacted = redact(content, WithoutConversations({ONE: 1, TWO: 2}))
    assert redacted is not None
    assert json.loads(redacted.content)["speakers"][0]["emotion_profiles"] == []
    assert (redacted.speakers, redacted.segments) == (1, 0)


def test_a_name_is_mentioned_as_a_word() -> None:
    assert mentions("A line of Unknown_07 was identified as Al", ["Al"])
    assert mentions("Zoë Qvist (née X) was renamed", ["Zoë Qvist (née X)"])
    assert not mentions("Alice was deleted", ["Al", "Bob"])


def test_nobody_is_told_apart_from_a_person_who_is_gone() -> None:
    content = file([speaker(1, "Ada", different_from=[2, 3]), speaker(2, "Bob"), speaker(3, "Eve", different_from=[1])], [], [])
    assert {entry["id"]: entry["different_from"] for entry in without_person(content, names={"Bob"})["speakers"]} == {
        1: [3],
        3: [1],
    }
