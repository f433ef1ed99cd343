"""A conversation that is matched or processed again: it gets today's speakers and keeps all corrections."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text, update

from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Emotion, Participant, Segment, Transcript, Turn, Vector, Voiceprint, Word
from services.identity import corrections, reprocessing, transcripts
from services.identity.identification import identify, mark_misidentified
from storage.conversations import conversations, labels
from storage.emotions import profiles
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import ParticipantRow, SegmentRow, Speaker
from tests.storage.archive import add_speaker
from tests.storage.people import lines, names
from tests.storage.transcripts import MODEL, RULES, VOICE, near, voice

STRICT = IdentityPolicy(MODEL, VOICE.model_copy(update={"speaker_threshold": 0.85}))

Talk = Sequence[tuple[str, str]]
"""Speaker and text of each segment."""

TALK = [("A", "good morning to you"), ("B", "hello there my friend"), ("A", "how are you today"), ("B", "very well thank you")]


def transcript_of(talk: Talk, voices: dict[str, Vector | None], model: str = MODEL, odd: int | None = None) -> Transcript:
    """A transcript with half a second a word and a second between segments; the voice of segment `odd` is unique."""
    segments, at = [], 0.0
    for i, (who, spoken) in enumerate(talk):
        words = tuple(Word(f" {word}", at + j / 2, at + (j + 1) / 2, 0.9) for j, word in enumerate(spoken.split()))
        emotion = Emotion("neutral", 0.8, {"neutral": 0.8, "sad": 0.2}, voice(500 + i, 64), "test-emotion")
        vector = voices[who]
        own = None if vector is None else Voiceprint(voice(77) if i == odd else near(vector, 0.95), model)
        segments.append(Segment(words[0].start, words[-1].end, who, words, -0.2, emotion=emotion, voice=own))
        at = words[-1].end + 1.0
    people = [
        Participant(who, 9.0, None if vector is None else Voiceprint(vector, model)) for who, vector in sorted(voices.items())
    ]
    return Transcript(at, "en", tuple(segments), tuple(people), tuple(Turn(s.start, s.end, s.speaker) for s in segments))


async def keep(database: Database, talk: Transcript, policy: IdentityPolicy = RULES) -> int:
    async with database.session() as session:
        id_ = await conversations.create(session, "A talk", None, "flac")
        await transcripts.save(session, id_, talk, policy)
    return id_


async def again(database: Database, id_: int, talk: Transcript, policy: IdentityPolicy = RULES) -> None:
    async with database.session() as session:
        await reprocessing.replace(session, id_, talk, policy)


async def match(database: Database, id_: int, policy: IdentityPolicy = RULES) -> reprocessing.Changed:
    async with database.session() as session:
        return await reprocessing.rematch(session, id_, policy)


@pytest.mark.parametrize("how", ["rematch", "replace"])
async def test_somebody_who_was_enrolled_since_is_recognised(database: Database, how: str) -> None:
    talk = transcript_of(TALK, {"A": near(voice(1), 0.8), "B": voice(2)})
    id_ = await keep(database, talk)
    assert await names(database, id_) == ["Unknown_01", "Unknown_02"] * 2
    async with database.session() as session:
        await add_speaker(session, "Ana", 1)
    if how == "rematch":
        assert await match(database, id_) == reprocessing.Changed(voices=1, segments=2)
    else:
        await again(database, id_, talk)
    assert await names(database, id_) == ["Ana", "Unknown_02"] * 2
    assert (await lines(database, id_))[0].confidence == pytest.approx(0.8, abs=1e-3)
    async with database.session() as session:
        assert await speakers.names(session) == ["Ana", "Unknown_02"]


@pytest.mark.parametrize("how", ["rematch", "replace"])
async def test_what_was_matched_too_boldly_is_unknown_at_a_stricter_threshold(database: Database, how: str) -> None:
    async with database.session() as session:
        await add_speaker(session, "Ana", 1)
    talk = transcript_of(TALK, {"A": near(voice(1), 0.6), "B": voice(2)})
    id_ = await keep(database, talk)
    assert await names(database, id_) == ["Ana", "Unknown_01"] * 2
    if how == "rematch":
        await match(database, id_, STRICT)
    else:
        await again(database, id_, talk, STRICT)
    first, second = (await names(database, id_))[:2]
    assert first.startswith("Unknown_")
    assert (second, first == second) == ("Unknown_01", False)


async def test_nothing_changes_where_nothing_changed(database: Database) -> None:
    id_ = await keep(database, transcript_of(TALK, {"A": voice(1), "B": None}))
    before = await lines(database, id_)
    assert await match(database, id_) == reprocessing.Changed(0, 0)
    assert await lines(database, id_) == before


async def test_a_name_is_not_lost_to_a_comparison(database: Database) -> None:
    """A speaker who is known from this conversation alone is kept: a named one and an unnamed one."""
    talk = transcript_of(TALK, {"A": voice(1), "B": voice(2)})
    id_ = await keep(database, talk)
    async with database.session() as session:
        await session.execute(update(Speaker).where(Speaker.name == "Unknown_01").values(name="Ana"))
    await match(database, id_)
    assert await names(database, id_) == ["Ana", "Unknown_02"] * 2
    for model in (MODEL, "another-embedder"):
        await again(database, id_, transcript_of(TALK, {"A": voice(11), "B": voice(12)}, model), IdentityPolicy(model, VOICE))
        assert await names(database, id_) == ["Ana", "Unknown_02"] * 2
    async with database.session() as session:
        assert await speakers.names(session) == ["Ana", "Unknown_02"]


@pytest.mark.parametrize("how", ["rematch", "replace"])
async def test_who_was_identified_by_hand_stays(database: Database, how: str) -> None:
    async with database.session() as session:
        ana, bo = await add_speaker(session, "Ana", 1), await add_speaker(session, "Bo", 2)
    talk = transcript_of(TALK, {"A": voice(1), "B": voice(5)}, odd=2)
    id_ = await keep(database, talk)
    first, second, third, _ = await lines(database, id_)
    async with database.session() as session:
        await identify(session, RULES, id_, third.id, speaker_id=bo)  # that segment alone
        await identify(session, RULES, id_, second.id, speaker_id=ana)  # a voice that is similar to no other
    assert await names(database, id_) == ["Ana", "Ana", "Bo", "Ana"]
    if how == "rematch":
        await match(database, id_, STRICT)
    else:
        await again(database, id_, talk, STRICT)
    assert await names(database, id_) == ["Ana", "Ana", "Bo", "Ana"]
    now = await lines(database, id_)
    assert [line.confidence for line in now[1:3]] == [1.0, 1.0]
    assert 0.9 < float(now[0].confidence or 0) <= float(first.confidence or 0)


async def test_corrections_follow_the_words_into_other_lines(database: Database) -> None:
    async with database.session() as session:
        ana = await add_speaker(session, "Ana", 1)
    voices: dict[str, Vector | None] = {"A": voice(1), "B": voice(2)}
    id_ = await keep(database, transcript_of(TALK, voices))
    before = await lines(database, id_)
    async with database.session() as session:
        await corrections.correct(session, id_, before[0].id, "sad", learn=True)
        await profiles.set_profile_threshold(session, ana, "sad", 0.7)
        await mark_misidentified(session, RULES, id_, before[3].id, True)
        await labels.put(session, id_, {before[1].id: "Bo", before[2].id: "Ana"}, "Eve", "clear")
    corrected_at = (await lines(database, id_))[0].emotion_corrected_at
    assert corrected_at is not None
    joined = [("A", "good morning to you"), ("B", "hello there my"), ("B", "friend"), ("A", "how are you"), ("B", "very well")]
    await again(database, id_, transcript_of(joined, voices))

    now = await lines(database, id_)
    assert [line.emotion_category for line in now] == ["sad", *["neutral"] * 4]
    assert (now[0].emotion_corrected, now[0].emotion_corrected_at) == (True, corrected_at)
    assert [line.is_misidentified for line in now] == [False, False, False, False, True]
    async with database.session() as session:
        kept = await labels.of_conversation(session, id_)
        assert [(label.segment_id, label.speaker_name, label.notes) for label in kept] == [
            (now[1].id, "Bo", "clear"),
            (now[2].id, "Bo", "clear"),
            (now[3].id, "Ana", "clear"),
        ]
        (profile,) = (await profiles.profiles(session, ana)).profiles
        assert (profile.emotion_category, profile.sample_count, profile.confidence_threshold) == ("sad", 1, 0.7)


async def test_corrections_of_words_that_are_gone_are_gone(database: Database) -> None:
    async with database.session() as session:
        ana = await add_speaker(session, "Ana", 1)
    voices: dict[str, Vector | None] = {"A": voice(1), "B": voice(2)}
    id_ = await keep(database, transcript_of(TALK, voices))
    before = await lines(database, id_)
    async with database.session() as session:
        await corrections.correct(session, id_, before[0].id, "sad", learn=True)
        await labels.put(session, id_, {before[0].id: "Ana"})
    await again(database, id_, transcript_of([("A", "something else entirely was said"), *TALK[1:]], voices))
    now = await lines(database, id_)
    assert not any(line.emotion_corrected for line in now)
    async with database.session() as session:
        assert await labels.of_conversation(session, id_) == []
        assert (await profiles.profiles(session, ana)).profiles == ()


async def test_a_voice_that_speaks_for_one_told_by_hand_has_its_speaker(database: Database) -> None:
    """Even with the vectors of a new model, all its segments keep the confirmed speaker."""
    id_ = await keep(database, transcript_of(TALK, {"A": voice(1), "B": voice(2)}))
    first = (await lines(database, id_))[0]
    async with database.session() as session:
        await identify(session, RULES, id_, first.id, speaker_name="Ana")
        await add_speaker(session, "Bo", 7, model="another-embedder")
    other = transcript_of(TALK, {"A": voice(7), "B": voice(2)}, "another-embedder")  # the new model matches her with Bo
    await again(database, id_, other, IdentityPolicy("another-embedder", VOICE))
    assert await names(database, id_) == ["Ana", "Unknown_02"] * 2


async def test_a_mark_goes_where_the_line_has_another_speaker_now(database: Database) -> None:
    async with database.session() as session:
        await add_speaker(session, "Ana", 1)
        await add_speaker(session, "Bo", 2)
    id_ = await keep(database, transcript_of(TALK, {"A": voice(1), "B": voice(2)}))
    third = (await lines(database, id_))[2]
    async with database.session() as session:
        await mark_misidentified(session, RULES, id_, third.id, True)
    corrected = [*TALK[:2], ("B", TALK[2][1]), TALK[3]]
    await again(database, id_, transcript_of(corrected, {"A": voice(1), "B": voice(2)}))
    assert not any(line.is_misidentified for line in await lines(database, id_))


async def test_what_is_in_work_or_not_there_is_not_matched(database: Database) -> None:
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "flac")
        with pytest.raises(conversations.ConversationBusyError):
            await reprocessing.rematch(session, id_, RULES)
        with pytest.raises(LookupError, match="Conversation not found"):
            await reprocessing.rematch(session, id_ + 1, RULES)
        with pytest.raises(LookupError, match="deleted"):
            await reprocessing.replace(session, id_ + 1, transcript_of(TALK, {"A": None, "B": None}), RULES)


async def test_a_replacement_that_fails_changes_nothing(database: Database) -> None:
    talk = transcript_of(TALK, {"A": voice(1), "B": voice(2)})
    id_ = await keep(database, talk)
    before = await lines(database, id_)
    broken = replace(talk, segments=(replace(talk.segments[0], speaker="nobody"),))
    with pytest.raises(ValueError, match="nobody"):
        await again(database, id_, broken)
    assert await lines(database, id_) == before


async def count(database: Database, table: str) -> Any:
    async with database.session() as session:
        return await session.scalar(text(f"SELECT count(*) FROM {table}"))


async def test_no_speaker_and_no_participant_is_left_behind(database: Database) -> None:
    talk = transcript_of(TALK, {"A": voice(1), "B": voice(2)})
    id_ = await keep(database, talk)
    for _ in range(3):
        await again(database, id_, talk)
        await match(database, id_)
    assert [await count(database, table) for table in ("speakers", "participants", "segments")] == [2, 2, 4]
    assert await names(database, id_) == ["Unknown_01", "Unknown_02"] * 2
    async with database.session() as session:
        stored = await session.execute(select(SegmentRow.conversation_id, ParticipantRow.label).join(ParticipantRow))
        assert {tuple(row) for row in stored} == {(id_, "A"), (id_, "B")}


@pytest.mark.parametrize("how", ["rematch", "replace"])
async def test_an_unknown_speaker_of_a_poor_recording_does_not_hide_somebody_who_was_enrolled(
    database: Database, how: str
) -> None:
    await keep(database, transcript_of(TALK, {"A": near(voice(1), 0.48), "B": voice(2)}))
    talk = transcript_of(TALK[::2], {"A": near(voice(1), 0.81)})
    id_ = await keep(database, talk, IdentityPolicy(MODEL, VOICE.model_copy(update={"speaker_threshold": 0.95})))
    assert await names(database, id_) == ["Unknown_03"] * 2, "0.90 to Unknown_01"
    async with database.session() as session:
        await add_speaker(session, "Ana", 1)
    await (match(database, id_) if how == "rematch" else again(database, id_, talk))
    assert await names(database, id_) == ["Ana"] * 2
