from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select

from pipeline.access import LOCAL
from pipeline.decoding import Decoding
from pipeline.live.live_segment import ProcessedSegment
from pipeline.types import ConversationSegment, Emotion, Note, Participant, Segment, Turn, Vector, Voiceprint, Word
from services.identity import corrections, identification, live_segments, rediarization, speaker_admin
from storage.conversations import conversations, live_recordings
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import Conversation
from tests.storage import talks
from tests.storage.transcripts import MODEL, RULES, near, voice

ALICE, BOB = voice(1), voice(2)


def processed(
    *lines: tuple[str, float, float, Vector | None], emotion: Vector | None = None, overlap: bool = False
) -> ProcessedSegment:
    """Segments from speaker labels, starts and lengths in seconds, and voices."""
    segments = tuple(
        Segment(
            start,
            start + length,
            label,
            (Word(f" {label} speaks.", start, start + length, 0.9),),
            -0.2,
            overlap=overlap,
            emotion=Emotion("happy", 0.75, {"happy": 0.75, "neutral": 0.25}, voice(50) if emotion is None else emotion, "felt"),
            voice=None if vector is None else Voiceprint(vector, MODEL),
        )
        for label, start, length, vector in lines
    )
    spoken = {label: sum(length for who, _, length, _ in lines if who == label) for label, *_ in lines}
    voices = {segment.speaker: segment.voice for segment in segments}
    return ProcessedSegment(segments, tuple(Participant(label, spoken[label], voices[label]) for label in spoken), "en")


async def begin(database: Database, title: str | None = None) -> int:
    async with database.session() as session:
        return await live_recordings.begin(session, uuid4(), title, "flac", None)


async def add(
    database: Database, conversation: int, processed_spans: ProcessedSegment, **options: Any
) -> list[ConversationSegment]:
    async with database.session() as session:
        return await live_segments.add(session, conversation, processed_spans, RULES, **options)


async def names(database: Database, conversation: int, *processed_spans: ProcessedSegment, **options: Any) -> list[str]:
    """The speaker of each segment, as returned when it was added."""
    return [line.speaker_name for part in processed_spans for line in await add(database, conversation, part, **options)]


async def stored(database: Database, conversation: int) -> list[tuple[str, str]]:
    async with database.session() as session:
        found = await conversations.get(session, conversation)
    assert found is not None
    return [(line.speaker_name, line.text) for line in found.segments]


ASKED = Decoding("translate", "Siobhán", enabled=False, model="large-v3")


async def test_whoever_takes_a_recording_up_knows_what_was_asked_and_how_far_it_was_heard(database: Database) -> None:
    uuid = uuid4()
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid, None, "flac", "de", decoding=ASKED)
    await add(database, id_, processed(("a", 0.0, 2.5, ALICE)))
    async with database.session() as session:
        assert await live_recordings.find(session, uuid) == live_recordings.Recording(id_, "recording", "de", 2.5, ASKED)
    await finish(database, id_)
    async with database.session() as session:
        assert await session.scalar(select(Conversation.live_decoding).where(Conversation.id == id_)) is None


async def test_what_was_kept_before_its_connection_was_lost_is_not_kept_twice(database: Database) -> None:
    id_ = await begin(database)
    first, second = processed(("a", 0.0, 2.5, ALICE)), processed(("a", 3.0, 2.0, ALICE), ("b", 5.0, 2.0, BOB))
    for processed_spans in (first, second, second):
        async with database.session() as session:
            kept = await live_segments.add_once(session, id_, processed_spans, RULES)
        assert [line.start_offset for line in kept] == [segment.start for segment in processed_spans.segments]
    assert [text for _, text in await stored(database, id_)] == ["a speaks.", "a speaks.", "b speaks."]


async def finish(database: Database, conversation: int) -> None:
    async with database.session() as session:
        await live_segments.finish(session, conversation, None, 60.0, "en")


async def test_a_voice_that_was_heard_before_is_the_same_participant(database: Database) -> None:
    id_ = await begin(database)
    parts = [processed(("a", 3.0 * i, 2.5, near(who, 0.9))) for i, who in enumerate([ALICE, BOB, ALICE, BOB])]
    assert await names(database, id_, *parts) == ["Unknown_01", "Unknown_02"] * 2


async def test_notes_of_live_spans_are_collected(database: Database) -> None:
    id_ = await begin(database)
    first, second = Note("left_out", "one", 1.0, 2.0), Note("left_out", "two", 4.0, 5.0)
    await add(database, id_, replace(processed(("a", 0.0, 2.5, ALICE)), notes=(first,)))
    async with database.session() as session:
        await conversations.add_notes(session, id_, [second])
        await live_segments.finish(session, id_, None, 6.0, "en")
        found = await conversations.get(session, id_)
    assert found is not None
    assert found.notes == (first, second)


async def test_a_message_says_what_is_stored(database: Database) -> None:
    id_ = await begin(database, "Talk\0")
    (line,) = await add(database, id_, processed(("a", 1.0, 2.5, ALICE)))
    async with database.session() as session:
        found = await conversations.get(session, id_)
    assert found is not None
    (kept,) = found.segments
    assert (found.title, found.status) == ("Talk", "recording")
    for field in ("id", "speaker_name", "text", "start_offset", "end_offset", "confidence", "words", "avg_logprob"):
        assert getattr(line, field) == getattr(kept, field)
    assert (line.emotion_category, line.emotion_confidence, line.is_known) == ("happy", 0.75, False)


async def test_somebody_who_is_known_is_recognised(database: Database) -> None:
    async with database.session() as session:
        await speaker_admin.enroll(session, RULES, "Alice", Voiceprint(ALICE, MODEL))
    id_ = await begin(database)
    (line,) = await add(database, id_, processed(("a", 0.0, 2.5, near(ALICE, 0.8))))
    assert (line.speaker_name, line.is_known) == ("Alice", True)
    assert line.confidence == pytest.approx(0.8, abs=0.01)


async def test_a_word_or_two_make_no_speaker(database: Database) -> None:
    id_ = await begin(database)
    short, strange = processed(("a", 0.0, 0.6, None)), processed(("a", 5.0, 0.8, near(ALICE, 0.4)))
    assert await names(database, id_, short) == ["Unknown_A"]
    assert (
        await names(database, id_, processed(("a", 1.0, 3.0, ALICE)), strange, processed(("a", 6.0, 0.4, None)))
        == ["Unknown_01"] * 3
    )


async def test_who_began_with_a_word_gets_a_name_once_the_voice_is_known(database: Database) -> None:
    id_ = await begin(database)
    assert await names(database, id_, processed(("a", 0.0, 0.8, near(ALICE, 0.9)))) == ["Unknown_A"]
    assert await names(database, id_, processed(("a", 1.0, 3.0, ALICE))) == ["Unknown_01"]
    assert [name for name, _ in await stored(database, id_)] == ["Unknown_01"] * 2


async def test_two_voices_of_one_line_are_two_participants(database: Database) -> None:
    id_ = await begin(database)
    processed_spans = processed(("x", 0.0, 3.0, ALICE), ("y", 3.0, 3.0, near(ALICE, 0.6)), ("x", 6.0, 1.0, ALICE))
    assert await names(database, id_, processed_spans) == ["Unknown_01", "Unknown_02", "Unknown_01"]


async def test_nobody_is_expected_beyond_the_number_of_speakers(database: Database) -> None:
    id_ = await begin(database)
    parts = [processed(("a", 3.0 * i, 2.5, who)) for i, who in enumerate([ALICE, BOB, near(BOB, 0.4), voice(3)])]
    found = await names(database, id_, *parts, num_speakers=2)
    assert found[:3] == ["Unknown_01", "Unknown_02", "Unknown_02"]
    assert found[3] in ("Unknown_01", "Unknown_02")


async def test_who_is_identified_while_speaking_is_known_from_then_on(database: Database) -> None:
    id_ = await begin(database)
    (line,) = await add(database, id_, processed(("a", 0.0, 2.5, ALICE)))
    async with database.session() as session:
        await identification.identify(session, RULES, id_, line.id, speaker_name="Alice")
    (later,) = await add(database, id_, processed(("a", 3.0, 2.5, near(ALICE, 0.9))))
    assert (later.speaker_name, later.is_known) == ("Alice", True)


async def test_a_learned_emotion_is_heard_live(database: Database) -> None:
    angry = voice(70)
    id_ = await begin(database)
    (line,) = await add(database, id_, processed(("a", 0.0, 2.5, ALICE), emotion=angry))
    async with database.session() as session:
        await identification.identify(session, RULES, id_, line.id, speaker_name="Alice")
        await corrections.correct(session, id_, line.id, "angry", True)
    (again,) = await add(database, id_, processed(("a", 3.0, 2.5, ALICE), emotion=near(angry, 0.95)))
    assert again.emotion_category == "angry"
    assert again.detector_breakdown is not None


async def test_what_was_learned_of_who_was_deleted_meanwhile_is_learned_of_the_voice_as_it_goes_on(database: Database) -> None:
    id_ = await begin(database)
    (line,) = await add(database, id_, processed(("a", 0.0, 2.5, ALICE)))
    async with database.session() as session:
        await corrections.correct(session, id_, line.id, "angry", True)
        await speaker_admin.delete_unknown(session)
    await add(database, id_, processed(("a", 3.0, 2.5, near(ALICE, 0.9))))
    assert (await talks.stored(database, await talks.speaker_of(database, line.id))).keys() == {"angry"}


async def test_a_finished_conversation_takes_no_more_lines(database: Database) -> None:
    id_ = await begin(database)
    await finish(database, id_)
    with pytest.raises(LookupError, match="not being recorded any more"):
        await add(database, id_, processed(("a", 0.0, 2.5, ALICE)))
    with pytest.raises(LookupError):
        await add(database, 999, processed(("a", 0.0, 2.5, ALICE)))


async def test_a_recording_is_found_by_its_name_with_what_was_heard(database: Database) -> None:
    uuid = uuid4()
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid, None, "flac", None, b"hash")
        assert await live_recordings.find(session, uuid) == live_recordings.Recording(id_, "recording", None, 0.0)
        await live_segments.add(session, id_, processed(("a", 1.0, 2.5, ALICE)), RULES)
        assert await live_recordings.find(session, uuid) == live_recordings.Recording(id_, "recording", None, 3.5)
        assert await live_recordings.resumable(session, LOCAL, id_) == live_recordings.Resumable(uuid, b"hash")
        assert await live_segments.finish(session, id_, None, 5.0, "en") == live_segments.Counts(1, 1, [])
        assert await live_recordings.resumable(session, LOCAL, id_) is None
        assert await session.scalar(select(Conversation.resume_token_hash).where(Conversation.id == id_)) is None
        assert await live_recordings.find(session, uuid4()) is None


async def test_a_recording_without_a_token_cannot_be_resumed(database: Database) -> None:
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid4(), None, "flac", None)
        assert await live_recordings.resumable(session, LOCAL, id_) is None


# After the diarization of the whole recording


async def regroup(
    database: Database, conversation: int, labels: Sequence[str | None], voices: dict[str, Vector | None]
) -> rediarization.Rediarized:
    """Apply a diarization that has `labels` for the segments, in order."""
    async with database.session() as session:
        lines = sorted(await rediarization.words(session, conversation))
        speaker_of = {line: label for line, label in zip(lines, labels, strict=True) if label is not None}
        turns = [Turn(3.0 * i, 3.0 * i + 2.5, label) for i, label in enumerate(labels) if label is not None]
        prints = {label: None if vector is None else Voiceprint(vector, MODEL) for label, vector in voices.items()}
        return await rediarization.rediarize(session, conversation, speaker_of, turns, prints, RULES)


async def test_one_who_was_taken_for_two_is_one(database: Database) -> None:
    id_ = await begin(database)
    parts = [processed(("a", 3.0 * i, 2.5, who)) for i, who in enumerate([ALICE, voice(9), BOB, ALICE])]
    assert await names(database, id_, *parts) == ["Unknown_01", "Unknown_02", "Unknown_03", "Unknown_01"]
    await finish(database, id_)
    found = await regroup(database, id_, ["x", "x", "y", "x"], {"x": ALICE, "y": BOB})
    assert [name for name, _ in await stored(database, id_)] == ["Unknown_01", "Unknown_01", "Unknown_03", "Unknown_01"]
    assert ([line.speaker_name for line in found.segments], found.num_speakers) == (["Unknown_01"], 2)
    async with database.session() as session:
        assert "Unknown_02" not in [speaker.name for speaker in await speakers.list_all(session)]


async def test_two_who_were_taken_for_one_are_two_and_one_of_them_is_recognised(database: Database) -> None:
    async with database.session() as session:
        await speaker_admin.enroll(session, RULES, "Bob", Voiceprint(BOB, MODEL))
    id_ = await begin(database)
    parts = [processed(("a", 0.0, 2.5, ALICE)), processed(("a", 3.0, 1.0, None)), processed(("a", 6.0, 1.0, None))]
    assert await names(database, id_, *parts) == ["Unknown_01"] * 3
    await finish(database, id_)
    found = await regroup(database, id_, ["x", "y", "y"], {"x": ALICE, "y": BOB})
    assert [name for name, _ in await stored(database, id_)] == ["Unknown_01", "Bob", "Bob"]
    assert found.num_speakers == 2


async def test_what_was_said_by_hand_stays(database: Database) -> None:
    id_ = await begin(database)
    lines = [(await add(database, id_, processed(("a", 3.0 * i, 2.5, who))))[0] for i, who in enumerate([ALICE, BOB, voice(9)])]
    async with database.session() as session:
        await identification.identify(session, RULES, id_, lines[0].id, speaker_name="Alice")
        await identification.identify(session, RULES, id_, lines[1].id, speaker_name="Bob")
        await corrections.correct(session, id_, lines[2].id, "sad", False)
    await finish(database, id_)
    await regroup(database, id_, ["x", "x", "x"], {"x": ALICE})
    async with database.session() as session:
        found = await conversations.get(session, id_)
    assert found is not None
    assert [line.id for line in found.segments] == [line.id for line in lines]
    assert [line.speaker_name for line in found.segments] == ["Alice", "Bob", "Alice"]
    assert found.segments[2].emotion_category == "sad"


async def test_lines_that_the_diarizer_did_not_hear_stay(database: Database) -> None:
    id_ = await begin(database)
    await names(database, id_, *(processed(("a", 3.0 * i, 2.5, who)) for i, who in enumerate([ALICE, BOB])))
    before = await stored(database, id_)
    await finish(database, id_)
    found = await regroup(database, id_, [None, None], {})
    assert await stored(database, id_) == before
    assert found == rediarization.Rediarized((), 2)


async def test_a_conversation_in_work_is_left_alone(database: Database) -> None:
    id_ = await begin(database)
    with pytest.raises(conversations.ConversationBusyError):
        await regroup(database, id_, [], {})


def test_the_voices_of_these_tests_are_apart() -> None:
    assert abs(float(np.dot(ALICE, BOB))) < 0.3


async def test_an_unknown_speaker_of_a_poor_recording_does_not_hide_an_enrolled_one(database: Database) -> None:
    async with database.session() as session:
        await speaker_admin.enroll(session, RULES, "Alice", Voiceprint(ALICE, MODEL))
    poor, clean = await begin(database), await begin(database)
    assert await names(database, poor, processed(("A", 0.0, 3.0, near(ALICE, 0.48)))) == ["Unknown_01"]
    assert await names(database, clean, processed(("A", 0.0, 3.0, near(ALICE, 0.81)))) == ["Alice"]  # 0.90 to Unknown_01
    assert [name for name, _ in await stored(database, poor)] == ["Alice"]
