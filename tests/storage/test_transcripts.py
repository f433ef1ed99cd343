"""Storing transcripts and recognizing their speakers, on a real PostgreSQL."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select, update

from pipeline.access import LOCAL
from pipeline.types import Note, Transcript, Turn, Word
from services.identity import transcripts
from storage.conversations import conversations
from storage.conversations.conversations import ConversationDetail
from storage.postgres.database import Database
from storage.search import listing
from storage.speakers import speakers
from storage.tables import ParticipantRow, SegmentRow, Speaker, TurnRow, VoiceprintRow
from tests.storage.transcripts import MODEL, RULES, near, transcript, voice

THRESHOLD = RULES.voice.speaker_threshold


async def keep(database: Database, content: Transcript, conversation_id: int | None = None) -> ConversationDetail:
    async with database.session() as session:
        if conversation_id is None:
            conversation_id = await conversations.create(session, "A talk", None, "wav")
        await transcripts.save(session, conversation_id, content, RULES)
    async with database.session() as session:
        found = await conversations.get(session, conversation_id)
    assert found is not None
    return found


async def test_a_transcript_comes_back_as_it_was_stored(database: Database) -> None:
    content = transcript([voice(1), voice(2)])
    found = await keep(database, content)

    assert (found.status, found.progress, found.language, found.duration) == ("completed", 1.0, "en", content.duration)
    assert found.end_time is not None
    assert (found.end_time - found.start_time).total_seconds() == pytest.approx(content.duration)
    assert (found.num_segments, found.num_speakers) == (4, 2)
    assert [line.text for line in found.segments] == ["Line 0.", "Line 1.", "Line 2.", "Line 3."]
    assert [line.speaker_name for line in found.segments] == ["Unknown_01", "Unknown_02"] * 2
    second = found.segments[1]
    assert (second.start_offset, second.end_offset, second.overlap, second.avg_logprob) == (2.0, 3.5, True, -0.2)
    assert (second.start_time - found.start_time).total_seconds() == 2.0
    assert second.words == (Word(" Line", 2.0, 2.5, 0.9), Word(" 1.", 2.5, 3.5, 0.8))
    assert (second.emotion_category, second.emotion_confidence) == ("happy", 0.75)
    assert second.emotion_scores == {"happy": 0.75, "neutral": 0.25}
    assert [second.activation, second.valence] == pytest.approx([0.75 * 0.51, 0.75 * 0.81])
    assert second.confidence is None  # a new voice is similar to no speaker

    async with database.session() as session:
        stored = await session.scalar(select(SegmentRow.emotion_vector).where(SegmentRow.id == second.id))
    np.testing.assert_array_equal(stored, voice(1, 1024))


async def test_notes_are_those_of_the_last_transcript(database: Database) -> None:
    left_out, hint = Note("left_out", "“Um\0.” was left out.", 1.5, 2.0), Note("speakers", "Speakers asked for: 5.")
    found = await keep(database, replace(transcript([voice(1)]), notes=(left_out, hint)))
    assert found.notes == (replace(left_out, message="“Um.” was left out."), hint)
    again = await keep(database, replace(transcript([voice(1)]), notes=(hint,)), found.id)
    assert again.notes == (hint,)


async def test_a_known_voice_keeps_its_speaker(database: Database) -> None:
    first = await keep(database, transcript([voice(1)]))
    again = await keep(database, transcript([voice(2), near(voice(1), 0.8)]))

    assert again.segments[1].speaker_id == first.segments[0].speaker_id
    assert again.segments[1].confidence == pytest.approx(0.8, abs=1e-4)
    assert again.segments[0].speaker_name == "Unknown_02"


async def test_a_voice_below_the_threshold_is_somebody_else(database: Database) -> None:
    first = await keep(database, transcript([voice(1)]))
    again = await keep(database, transcript([near(voice(1), THRESHOLD - 0.02)]))
    assert again.segments[0].speaker_id != first.segments[0].speaker_id


async def test_an_enrolled_voice_is_recognized(database: Database) -> None:
    async with database.session() as session:
        ada = Speaker(name="Ada")
        session.add(ada)
        await session.flush()
        session.add(VoiceprintRow(speaker_id=ada.id, vector=voice(7), model=MODEL, source="enrollment"))
    found = await keep(database, transcript([near(voice(7), 0.9)]))
    assert found.segments[0].speaker_name == "Ada"


@pytest.mark.parametrize(("clean", "name"), [(0.81, "Alice"), (0.65, "Unknown_01")])
async def test_an_unknown_speaker_goes_before_an_enrolled_one_only_where_it_is_clearly_closer(
    database: Database, clean: float, name: str
) -> None:
    async with database.session() as session:
        alice = Speaker(name="Alice")
        session.add(alice)
        await session.flush()
        session.add(VoiceprintRow(speaker_id=alice.id, vector=voice(1), model=MODEL, source="enrolled"))
    poor = await keep(database, transcript([near(voice(1), 0.48)]))
    assert poor.segments[0].speaker_name == "Unknown_01"

    found = await keep(database, transcript([near(voice(1), clean)]))  # 0.90 and 0.98 to the unknown speaker
    assert {segment.speaker_name for segment in found.segments} == {name}
    async with database.session() as session:
        first = await conversations.get(session, poor.id)
    assert first is not None
    assert {segment.speaker_name for segment in first.segments} == {name}, "what the second recording settled"


async def test_vectors_of_two_models_are_never_compared(database: Database) -> None:
    await keep(database, transcript([voice(1)]))
    other_model = await keep(database, transcript([voice(1)], model="another"))
    other_size = await keep(database, transcript([voice(1, 192)]))
    assert other_model.segments[0].speaker_name == "Unknown_02"
    assert other_size.segments[0].speaker_name == "Unknown_03"


async def test_who_has_no_voiceprint_has_a_name_of_this_conversation_only(database: Database) -> None:
    one = await keep(database, transcript([None, voice(1), None]))
    two = await keep(database, transcript([None]))
    assert [line.speaker_name for line in one.segments[:3]] == ["Unknown_A", "Unknown_01", "Unknown_C"]
    assert [line.speaker_id for line in one.segments[:3]].count(None) == 2
    assert two.segments[0].speaker_name == "Unknown_A"
    assert (one.num_speakers, two.num_speakers) == (3, 1)
    async with database.session() as session:
        assert await speakers.names(session) == ["Unknown_01"]


async def test_two_recordings_that_meet_the_same_voice_at_once_make_one_speaker(database: Database) -> None:
    stranger = voice(5)
    talks = [transcript([near(stranger, 0.9), voice(100 + i)]) for i in range(4)]
    found = await asyncio.gather(*(keep(database, talk) for talk in talks))
    assert len({conversation.segments[0].speaker_id for conversation in found}) == 1
    async with database.session() as session:
        assert len(await speakers.names(session)) == 1 + len(talks)


async def test_saving_again_replaces_and_keeps_the_names(database: Database) -> None:
    first = await keep(database, transcript([voice(1), voice(2)], lines=6))
    async with database.session() as session:
        await session.execute(update(Speaker).where(Speaker.name == "Unknown_01").values(name="Ada"))
    again = await keep(database, transcript([voice(2), voice(1), voice(3)], lines=3), first.id)

    assert [line.speaker_name for line in again.segments] == ["Unknown_02", "Ada", "Unknown_03"]
    async with database.session() as session:
        for table, count in ((SegmentRow, 3), (ParticipantRow, 3), (TurnRow, 3), (Speaker, 3)):
            assert await session.scalar(select(func.count()).select_from(table)) == count


async def test_a_speaker_whom_nothing_refers_to_any_more_is_forgotten_unless_a_person_named_it(database: Database) -> None:
    first = await keep(database, transcript([voice(1), voice(2)]))
    async with database.session() as session:
        await session.execute(update(Speaker).where(Speaker.name == "Unknown_01").values(name="Ada"))
    await keep(database, transcript([voice(3)]), first.id)
    async with database.session() as session:
        assert await speakers.names(session) == ["Ada", "Unknown_03"]


async def test_a_name_that_a_person_took_is_skipped(database: Database) -> None:
    async with database.session() as session:
        session.add(Speaker(name="Unknown_01"))
    found = await keep(database, transcript([voice(1)]))
    assert found.segments[0].speaker_name == "Unknown_02"


async def test_turns_of_voices_without_words_are_kept_but_are_no_speakers_of_lines(database: Database) -> None:
    turns = [Turn(0.0, 2.0, "SPEAKER_00"), Turn(1.0, 1.5, "SPEAKER_09")]
    found = await keep(database, transcript([voice(1)], turns=turns))
    async with database.session() as session:
        rows = (await session.execute(select(TurnRow.start, TurnRow.end, ParticipantRow.label).join(ParticipantRow))).all()
    assert sorted(rows) == [(0.0, 2.0, "SPEAKER_00"), (1.0, 1.5, "SPEAKER_09")]
    assert found.num_speakers == 1


async def test_a_recording_in_which_nobody_speaks(database: Database) -> None:
    found = await keep(database, Transcript(duration=3.0, language=None, segments=(), participants=()))
    assert (found.status, found.segments, found.num_speakers) == ("completed", (), 0)


async def test_a_contradictory_transcript_leaves_nothing_behind(database: Database) -> None:
    content = transcript([voice(1)])
    broken = replace(content, segments=(*content.segments, replace(content.segments[0], speaker="nobody")))
    with pytest.raises(ValueError, match="nobody"):
        await keep(database, broken)
    async with database.session() as session:
        assert (await listing.list_page(session, LOCAL)).total == 0
        assert await speakers.names(session) == []


async def test_a_conversation_deleted_meanwhile(database: Database) -> None:
    with pytest.raises(LookupError, match="was deleted"):
        await keep(database, transcript([voice(1)]), 12345)


async def test_text_may_hold_any_character(database: Database) -> None:
    content = transcript([voice(1)], lines=1)
    word = replace(content.segments[0].words[0], text=' a\0b "c" \U0001f600')
    found = await keep(database, replace(content, segments=(replace(content.segments[0], words=(word,)),)))
    assert found.segments[0].text == 'ab "c" \U0001f600'
