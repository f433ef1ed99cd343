"""Emotions that are compared with what is usual for a speaker, on a real PostgreSQL."""

from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from engines.weights.catalogue import EMBEDDED
from pipeline.emotion.feeling import CALIBRATIONS, Baseline, baseline
from services.erasure import speakers as erasure
from services.identity import speaker_admin
from storage.conversations import conversations
from storage.emotions import baselines
from storage.postgres.database import Database
from storage.tables import ParticipantRow, SegmentRow
from tests.storage.talks import keep, speaker_of
from tests.storage.test_emotions import redetect
from tests.storage.transcripts import RULES

MODEL = EMBEDDED["emotion"]
SAD = {"angry": 0.01, "happy": 0.01, "neutral": 0.02, "sad": 0.96}
ANGRY = {"angry": 0.985, "happy": 0.005, "neutral": 0.005, "sad": 0.005}


async def talk(database: Database, *scores: dict[str, float], known: bool = True) -> tuple[int, list[int]]:
    """A conversation of one speaker with a segment for each of `scores`."""
    conversation, segments = await keep(database, [1] * len(scores), known=known, emotion_model=MODEL)
    async with database.session() as session:
        for segment, found in zip(segments, scores, strict=True):
            await session.execute(update(SegmentRow).where(SegmentRow.id == segment).values(emotion_scores=found))
    return conversation, segments


async def labels(database: Database, conversation: int) -> list[str | None]:
    await redetect(database, conversation_id=conversation)
    async with database.session() as session:
        found = await conversations.get(session, conversation)
    assert found is not None
    return [segment.emotion_category for segment in found.segments]


async def usual(database: Database, conversation: int) -> Baseline:
    async with database.session() as session:
        (participant,) = await session.scalars(select(ParticipantRow.id).where(ParticipantRow.conversation_id == conversation))
        found = await baselines.of_participants(session, [participant])
    return found.get((participant, MODEL), Baseline(0, {}))


def same(one: Baseline, scores: Sequence[dict[str, float]]) -> bool:
    other = baseline(scores)
    return one.segments == other.segments and one.means == pytest.approx(other.means)


async def test_a_voice_that_always_sounds_sad_is_neutral(database: Database) -> None:
    conversation, _ = await talk(database, *[SAD] * 12, ANGRY)
    assert await labels(database, conversation) == ["neutral"] * 12 + ["angry"]


async def test_a_known_speaker_is_compared_with_all_conversations(database: Database) -> None:
    first, segments = await talk(database, *[SAD] * 12)
    second, others = await talk(database, SAD)
    assert await labels(database, second) == ["sad"]
    speaker, other = [await speaker_of(database, some[0]) for some in (segments, others)]
    async with database.session() as session:
        await speaker_admin.merge(session, RULES, other, speaker)
    assert same(await usual(database, second), [SAD] * 13)
    assert await labels(database, second) == ["neutral"]
    assert await labels(database, first) == ["neutral"] * 12
    # Nothing is left of it where the speaker is erased; the emotions stay.
    async with database.session() as session:
        await erasure.remove(session, speaker)
    assert [(await usual(database, conversation)).segments for conversation in (first, second)] == [0, 0]
    assert await labels(database, first) == ["neutral"] * 12


async def test_participants_without_a_speaker_are_compared_with_themselves(database: Database) -> None:
    first, _ = await talk(database, *[SAD] * 12, known=False)
    second, _ = await talk(database, SAD, known=False)
    assert same(await usual(database, second), [SAD])
    assert same(await usual(database, first), [SAD] * 12)


async def test_segments_of_another_voice_count_for_nothing(database: Database) -> None:
    conversation, segments = await talk(database, SAD, ANGRY, SAD, {})
    async with database.session() as session:
        await session.execute(update(SegmentRow).where(SegmentRow.id == segments[1]).values(is_misidentified=True))
    assert same(await usual(database, conversation), [SAD, SAD])


def test_the_embedded_detector_is_calibrated() -> None:
    assert set(CALIBRATIONS) == {MODEL}
