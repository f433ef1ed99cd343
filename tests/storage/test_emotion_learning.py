"""After any sequence of changes, the profiles equal those computed from the segments, on a real PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from pipeline.types import Vector
from services.identity import corrections, identification, speaker_admin, undo
from storage.emotions import emotions, profiles
from storage.postgres.database import Database
from storage.tables import EmotionProfile, ParticipantRow, SegmentRow, Speaker
from tests.storage.talks import keep, speaker_of, stored
from tests.storage.transcripts import RULES, read_rules

PEOPLE = 2
LINES = 6
steps = st.one_of(
    st.tuples(st.just("correct"), st.integers(0, LINES - 1), st.sampled_from(["happy", "angry", "sad"]), st.booleans()),
    st.tuples(st.sampled_from(["emotion_misidentified", "is_misidentified"]), st.integers(0, LINES - 1), st.booleans()),
    st.tuples(st.just("move"), st.integers(0, LINES - 1), st.integers(0, PEOPLE - 1)),
    st.tuples(st.just("delete"), st.integers(0, LINES - 1)),
    st.tuples(st.just("reset"), st.integers(0, PEOPLE - 1)),
    st.tuples(st.just("threshold"), st.integers(0, PEOPLE - 1)),
)


async def take(
    database: Database, step: tuple[Any, ...], segments: list[int], participants: list[int], people: list[int]
) -> None:
    """One change, followed by the calls that its callers must make."""
    kind, which, *rest = step
    async with database.session() as session:
        if kind == "reset":
            await profiles.reset(session, people[which])
            return
        if kind == "threshold":
            await session.execute(
                update(EmotionProfile).where(EmotionProfile.speaker_id == people[which]).values(voice_threshold=0.5)
            )
            return
        row = await session.get(SegmentRow, segments[which])
        if row is None:
            return
        conversation, corrected = row.conversation_id, row.emotion_corrected
        session.expunge(row)
        if kind == "correct":
            await corrections.correct(session, conversation, segments[which], rest[0], rest[1])
        elif kind == "emotion_misidentified":
            if corrected:
                await corrections.mark_misidentified(session, conversation, segments[which], rest[0])
        else:
            change = update(SegmentRow).where(SegmentRow.id == segments[which])
            if kind == "delete":
                await session.execute(delete(SegmentRow).where(SegmentRow.id == segments[which]))
            elif kind == "move":
                await session.execute(change.values(participant_id=participants[rest[0]]))
            else:
                await session.execute(change.values(is_misidentified=rest[0]))
            for speaker in people:
                await emotions.recompute(session, speaker)


def _mean(vectors: Sequence[Vector]) -> Vector:
    mean: Vector = np.asarray(np.stack(vectors).mean(axis=0, dtype=np.float64), np.float32)
    return mean


async def from_scratch(database: Database) -> dict[tuple[int | None, str | None], tuple[int, int, Vector]]:
    """Samples, samples of the voice, and the mean, by speaker and emotion, from the segments alone."""
    async with database.session() as session:
        rows = await session.execute(
            select(SegmentRow, ParticipantRow.speaker_id).join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        )
        samples: dict[tuple[int | None, str | None], list[SegmentRow]] = {}
        for row, speaker in rows:
            unwanted = row.emotion_misidentified or row.is_misidentified or not row.emotion_learned
            if row.emotion_corrected and not unwanted:
                samples.setdefault((speaker, row.emotion_category), []).append(row)
    return {
        key: (
            len(found),
            sum(row.voice_vector is not None for row in found),
            _mean([row.emotion_vector for row in found if row.emotion_vector is not None]),
        )
        for key, found in samples.items()
    }


@given(st.lists(steps, min_size=1, max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_a_profile_is_what_its_segments_say(database: Database, changes: list[tuple[Any, ...]]) -> None:
    async with database.session() as session:
        for table in (Speaker, ParticipantRow):
            await session.execute(delete(table))
    _, segments = await keep(database, range(LINES), people=PEOPLE)
    async with database.session() as session:
        found = await session.execute(select(ParticipantRow.id, ParticipantRow.speaker_id).order_by(ParticipantRow.id))
        participants, people = map(list, zip(*found, strict=True))
    for change in changes:
        await take(database, change, segments, participants, people)
    expected = await from_scratch(database)
    actual = {(speaker, emotion): row for speaker in people for emotion, row in (await stored(database, speaker)).items()}
    assert actual.keys() == expected.keys()
    for key, row in actual.items():
        samples, voices, mean = expected[key]
        assert (row.sample_count, row.voice_sample_count) == (samples, voices)
        np.testing.assert_allclose(row.vector, mean, atol=1e-6)


async def samples(database: Database, segment: int) -> dict[str, int]:
    """The number of samples of each profile of the segment's speaker."""
    return {emotion: row.sample_count for emotion, row in (await stored(database, await speaker_of(database, segment))).items()}


async def test_what_was_learned_of_a_voice_goes_to_whom_it_is_given_after_its_speaker_was_deleted(database: Database) -> None:
    conversation, (line, _) = await keep(database, range(2))
    async with database.session() as session:
        await corrections.correct(session, conversation, line, "happy", learn=True)
        await speaker_admin.delete_unknown(session)
    async with database.session() as session:
        await identification.identify(session, RULES, conversation, line, speaker_name="Alice")
    assert await samples(database, line) == {"happy": 1}


async def test_what_was_learned_in_between_stays_with_whom_an_undo_gives_the_voice_back_to(database: Database) -> None:
    conversation, (line, _) = await keep(database, range(2))
    async with database.session() as session:
        await speaker_admin.delete_unknown(session)
        await identification.identify(session, RULES, conversation, line, speaker_name="Alice")
        await corrections.correct(session, conversation, line, "happy", learn=True)
    async with database.session() as session:
        await undo.undo(session, read_rules)
        await undo.undo(session, read_rules)
    assert await samples(database, line) == {"happy": 1}
