"""Corrections of emotions and the profiles computed from them, on a real PostgreSQL."""

import asyncio
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from pipeline.voice_settings import VoiceSettings
from services.identity import corrections
from services.identity.corrections import CorrectionError
from storage.conversations import conversations
from storage.emotions import emotions, profiles
from storage.emotions.emotions import Counts
from storage.postgres.database import Database
from storage.tables import EmotionProfile, SegmentRow, Speaker
from tests.storage.talks import SOUND, keep, sounds, speaker_of, stored
from tests.storage.transcripts import MODEL, near, voice

VOICE_SETTINGS = VoiceSettings(
    speaker_threshold=0.3, context_padding=0.15, silence_duration=0.5, filter_hallucinations=True, emotion_threshold=0.6
)


async def correct(database: Database, segment: int, emotion: str, learn: bool = True) -> corrections.Correction:
    async with database.session() as session:
        conversation = await session.scalar(select(SegmentRow.conversation_id).where(SegmentRow.id == segment))
        assert conversation is not None
        return await corrections.correct(session, conversation, segment, emotion, learn)


async def shown(database: Database, conversation: int) -> list[tuple[str | None, float | None, str | None]]:
    """Emotion, confidence and reason of each segment."""
    async with database.session() as session:
        found = await conversations.get(session, conversation)
    assert found is not None
    return [(s.emotion_category, s.emotion_confidence, _reason(s.detector_breakdown)) for s in found.segments]


def _reason(breakdown: dict[str, Any] | None) -> str | None:
    return None if breakdown is None else str(breakdown["final_decision"]["reason"])


async def redetect(database: Database, **which: Any) -> Counts:
    async with database.session() as session:
        return await emotions.redetect(session, settings=VOICE_SETTINGS, **which)


async def test_a_correction_is_kept_and_learned(database: Database) -> None:
    conversation, segments = await keep(database, [1, 1, 2])
    done = await correct(database, segments[0], "happy")
    assert (done.old_emotion, done.new_emotion, done.learned, done.sample_count) == ("sad", "happy", True, 1)
    assert (await correct(database, segments[1], "happy")).sample_count == 2
    async with database.session() as session:
        found = await conversations.get(session, conversation)
    assert found is not None
    line = found.segments[0]
    assert (line.emotion_category, line.emotion_confidence, line.emotion_corrected) == ("happy", 1.0, True)
    assert line.emotion_corrected_at is not None
    profile = (await stored(database, await speaker_of(database, segments[0])))["happy"]
    assert (profile.sample_count, profile.voice_sample_count, profile.model, profile.voice_model) == (2, 2, SOUND, MODEL)
    np.testing.assert_allclose(profile.vector, sounds(1), rtol=1e-5)


async def test_changing_a_correction_makes_both_profiles_anew(database: Database) -> None:
    _, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    await correct(database, first, "happy")
    await correct(database, second, "happy")
    done = await correct(database, second, "angry")
    assert (done.old_emotion, done.new_emotion, done.sample_count) == ("happy", "angry", 1)
    profiles = await stored(database, speaker)
    assert {emotion: row.sample_count for emotion, row in profiles.items()} == {"happy": 1, "angry": 1}
    np.testing.assert_allclose(profiles["happy"].vector, sounds(1), rtol=1e-5)
    await correct(database, first, "angry")
    assert set(await stored(database, speaker)) == {"angry"}


async def test_what_is_not_to_be_learned_is_not(database: Database) -> None:
    _, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    assert not (await correct(database, first, "happy", learn=False)).learned
    assert await stored(database, speaker) == {}
    await correct(database, second, "happy")
    async with database.session() as session:
        await emotions.recompute(session, speaker)  # as after any change of speakers
    assert (await stored(database, speaker))["happy"].sample_count == 1
    await correct(database, second, "happy", learn=False)
    assert await stored(database, speaker) == {}


async def test_a_line_without_a_speaker_can_be_corrected_but_not_learned_from(database: Database) -> None:
    _, (segment,) = await keep(database, [1], known=False)
    with pytest.raises(CorrectionError, match="Identify speaker first"):
        await correct(database, segment, "happy")
    done = await correct(database, segment, "angry", learn=False)
    assert (done.old_emotion, done.learned, done.speaker_name) == ("sad", False, None)


async def test_what_nobody_can_judge_teaches_nothing(database: Database) -> None:
    _, (segment,) = await keep(database, [1], emotion_scores={}, emotion_vector=np.zeros(64, np.float32))
    done = await correct(database, segment, "happy")
    assert (done.learned, done.sample_count) == (False, 0)


async def test_a_misidentified_correction_leaves_its_profile_and_comes_back(database: Database) -> None:
    conversation, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    async with database.session() as session:
        with pytest.raises(CorrectionError, match="no emotion correction"):
            await corrections.mark_misidentified(session, conversation, first, True)
    for segment in (first, second):
        await correct(database, segment, "happy")
    for expected, marked in ((1, True), (1, True), (2, False)):
        async with database.session() as session:
            await corrections.mark_misidentified(session, conversation, second, marked)
        assert (await stored(database, speaker))["happy"].sample_count == expected


async def test_thresholds_survive_what_is_learned(database: Database) -> None:
    _, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    await correct(database, first, "happy")
    async with database.session() as session:
        await profiles.set_profile_threshold(session, speaker, "happy", 0.7)
        await profiles.set_profile_threshold(session, speaker, "happy", 0.2, voice=True)
        await profiles.set_threshold(session, speaker, 0.5)
        with pytest.raises(LookupError, match="Create it by correcting an emotion first"):
            await profiles.set_profile_threshold(session, speaker, "sad", 0.7)
    await correct(database, second, "happy")
    async with database.session() as session:
        found = await profiles.profiles(session, speaker)
    (happy,) = found.profiles
    assert (happy.sample_count, happy.confidence_threshold, happy.voice_threshold) == (2, 0.7, 0.2)
    assert (found.speaker_name, found.emotion_threshold) == ("Unknown_01", 0.5)


async def test_an_imported_profile_is_a_base_that_corrections_add_to(database: Database) -> None:
    _, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    base, base_voice = voice(7, 64), voice(8)
    imported = {"imported_vector": base, "imported_count": 3, "imported_voice_vector": base_voice, "imported_voice_count": 1}
    row = {"vector": base, "model": SOUND, "voice_vector": base_voice, "voice_model": MODEL, "sample_count": 3}
    async with database.session() as session:
        for emotion, model in (("happy", SOUND), ("angry", "another")):
            values = {"speaker_id": speaker, "emotion_category": emotion, **row, **imported, "model": model}
            await session.execute(insert(EmotionProfile).values(values))
    assert (await correct(database, first, "happy")).sample_count == 4
    happy = (await stored(database, speaker))["happy"]
    np.testing.assert_allclose(happy.vector, 0.75 * base + 0.25 * sounds(1), atol=1e-6)
    np.testing.assert_allclose(happy.voice_vector, (base_voice + near(voice(81), 0.95)) / 2, atol=1e-6)
    assert (happy.imported_count, happy.voice_sample_count) == (3, 2)
    # A base of another model stays unchanged, with the name of its model.
    done = await correct(database, second, "angry")
    assert (done.learned, done.sample_count) == (False, 3)
    # Without its segments the profile is its base again; a reset deletes that, too.
    await correct(database, first, "angry")
    np.testing.assert_array_equal((await stored(database, speaker))["happy"].vector, base)
    async with database.session() as session:
        assert await profiles.reset(session, speaker, "happy") == ("Unknown_01", 1)
    assert set(await stored(database, speaker)) == {"angry"}


async def test_a_reset_profile_stays_forgotten(database: Database) -> None:
    _, (first, second, third) = await keep(database, [1, 2, 3])
    speaker = await speaker_of(database, first)
    for segment, emotion in ((first, "happy"), (second, "angry"), (third, "angry")):
        await correct(database, segment, emotion)
    async with database.session() as session:
        await profiles.reset(session, speaker, "angry")
        await emotions.recompute(session, speaker)
        with pytest.raises(LookupError, match="Emotion profile 'angry' not found for speaker 'Unknown_01'"):
            await profiles.reset(session, speaker, "angry")
    assert set(await stored(database, speaker)) == {"happy"}
    assert (await correct(database, second, "angry")).sample_count == 1  # a new correction is learned again
    async with database.session() as session:
        assert await profiles.reset(session, speaker) == ("Unknown_01", 2)
        with pytest.raises(LookupError, match="Speaker not found"):
            await profiles.reset(session, speaker + 1)


async def test_vectors_of_two_models_are_not_averaged(database: Database) -> None:
    _, (first, second) = await keep(database, [1, 2])
    speaker = await speaker_of(database, first)
    await correct(database, first, "happy")
    async with database.session() as session:
        await session.execute(update(SegmentRow).where(SegmentRow.id == second).values(emotion_model="newer"))
    done = await correct(database, second, "happy")
    assert (done.learned, done.sample_count) == (True, 1)
    assert (await stored(database, speaker))["happy"].model == "newer"


async def test_corrections_at_the_same_time_are_all_learned(database: Database) -> None:
    _, segments = await keep(database, [1] * 8)
    await asyncio.gather(*(correct(database, segment, "happy") for segment in segments))
    assert (await stored(database, await speaker_of(database, segments[0])))["happy"].sample_count == 8


async def test_a_profile_changes_what_is_heard_in_other_lines(database: Database) -> None:
    conversation, segments = await keep(database, [1, 1, 1, 1, 2])
    for segment in segments[:3]:
        await correct(database, segment, "happy")
    assert (await shown(database, conversation))[3] == ("sad", 0.6, None)
    assert await redetect(database, conversation_id=conversation) == Counts(updated=2, skipped=3, total=5)
    lines = await shown(database, conversation)
    assert [line[0] for line in lines] == ["happy", "happy", "happy", "happy", "sad"]
    # The voice of the participant is unlike those of its segments, so that theirs are the closest.
    assert lines[3][2] == "Matched Unknown_01_happy voice profile"
    assert lines[4][2] == "emotion2vec only (no voice profile match)"

    # The profile is not used for segments of another speaker.
    async with database.session() as session:
        await session.execute(update(SegmentRow).where(SegmentRow.id == segments[3]).values(is_misidentified=True))
    await redetect(database, conversation_id=conversation)
    assert (await shown(database, conversation))[3] == ("sad", 0.6, None)


async def test_without_profiles_the_general_answer_returns(database: Database) -> None:
    conversation, segments = await keep(database, [1, 1, 1, 1, 2])
    speaker = await speaker_of(database, segments[0])
    for segment in segments[:3]:
        await correct(database, segment, "happy")
    await redetect(database, speaker_ids=[speaker])
    assert (await shown(database, conversation))[3][0] == "happy"
    assert await redetect(database, speaker_ids=[speaker], personalized=False) == Counts(2, 3, 5)
    assert (await shown(database, conversation))[3:] == [("sad", 0.6, None)] * 2

    await redetect(database, speaker_ids=[speaker])
    async with database.session() as session:
        participant = await session.scalar(select(SegmentRow.participant_id).where(SegmentRow.id == segments[0]))
        assert participant is not None
        await session.execute(delete(Speaker).where(Speaker.id == speaker))
    await redetect(database, participant_ids=[participant])
    assert (await shown(database, conversation))[3:] == [("sad", 0.6, None)] * 2


async def test_each_speaker_is_judged_by_their_own_profiles(database: Database) -> None:
    conversation, segments = await keep(database, [1] * 8, people=2)
    for segment in segments[0:6:2]:
        await correct(database, segment, "happy")
    await redetect(database, conversation_id=conversation)
    lines = await shown(database, conversation)
    assert [line[0] for line in lines[6:]] == ["happy", "sad"]
    assert [line[2] is None for line in lines[6:]] == [False, True]


async def test_nothing_to_detect(database: Database) -> None:
    conversation, _ = await keep(database, [1, 2])
    assert await redetect(database, conversation_id=conversation) == Counts(2, 0, 2)
    assert await redetect(database, conversation_id=conversation + 1) == Counts(0, 0, 0)
    with pytest.raises(ValueError, match="Say whose emotions"):
        await redetect(database)
