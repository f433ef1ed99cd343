"""A restore returns to the state of the backup after any changes."""

from collections.abc import Awaitable, Callable
from random import Random

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.voice_settings import VoiceSettingsChange
from services.identity import corrections
from storage.emotions import emotions
from storage.postgres.database import Database
from storage.speakers import distinct_speakers, voice_settings
from storage.tables import ParticipantRow, SegmentRow, Speaker, TurnRow, VoiceprintRow
from tests.storage.archive import add_speaker, add_talk, state
from tests.storage.test_backups import keep, put_back
from tests.storage.transcripts import MODEL

Change = Callable[[AsyncSession, Random], Awaitable[None]]


async def _rename(session: AsyncSession, random: Random) -> None:
    speaker = random.choice((await session.scalars(select(Speaker.id))).all())
    await session.execute(update(Speaker).where(Speaker.id == speaker).values(name=f"Name {random.random()}"))


async def _delete_speaker(session: AsyncSession, random: Random) -> None:
    ids = (await session.scalars(select(Speaker.id))).all()
    if len(ids) > 1:
        await session.execute(delete(Speaker).where(Speaker.id == random.choice(ids)))


async def _merge(session: AsyncSession, random: Random) -> None:
    ids = (await session.scalars(select(Speaker.id))).all()
    if len(ids) > 1:
        into, gone = random.sample(ids, 2)
        await session.execute(update(ParticipantRow).where(ParticipantRow.speaker_id == gone).values(voice_id=into))
        await session.execute(update(VoiceprintRow).where(VoiceprintRow.speaker_id == gone).values(speaker_id=into))
        await session.execute(delete(Speaker).where(Speaker.id == gone))
        await emotions.recompute(session, into)


async def _move_line(session: AsyncSession, random: Random) -> None:
    line = random.choice((await session.scalars(select(SegmentRow))).all())
    speaker = random.choice([None, *(await session.scalars(select(Speaker.id))).all()])
    label = f"moved {random.random()}"
    person = ParticipantRow(conversation_id=line.conversation_id, label=label, voice_id=speaker, enrolled=False)
    session.add(person)
    await session.flush()
    line.participant_id, line.confidence = person.id, 1.0
    await session.flush()


async def _drop_empty(session: AsyncSession, random: Random) -> None:
    used = select(SegmentRow.participant_id).union(select(TurnRow.participant_id))
    await session.execute(delete(ParticipantRow).where(ParticipantRow.id.not_in(used)))


async def _correct(session: AsyncSession, random: Random) -> None:
    line = random.choice((await session.scalars(select(SegmentRow))).all())
    owner = await session.scalar(select(ParticipantRow.speaker_id).where(ParticipantRow.id == line.participant_id))
    emotion = random.choice(["sad", "angry", "happy"])
    await corrections.correct(session, line.conversation_id, line.id, emotion, learn=owner is not None)
    session.expunge_all()


async def _misidentify(session: AsyncSession, random: Random) -> None:
    line = random.choice((await session.scalars(select(SegmentRow))).all())
    line.is_misidentified = not line.is_misidentified
    await session.flush()
    owner = await session.scalar(select(ParticipantRow.speaker_id).where(ParticipantRow.id == line.participant_id))
    if owner is not None:
        await emotions.recompute(session, owner)


async def _set(session: AsyncSession, random: Random) -> None:
    change = VoiceSettingsChange(speaker_threshold=round(random.uniform(0.6, 0.9), 2), filter_hallucinations=False)
    await voice_settings.update(session, change, MODEL)


async def _enroll(session: AsyncSession, random: Random) -> None:
    await add_speaker(session, f"New {random.random()}", random.randrange(1000))


async def _tell_apart(session: AsyncSession, random: Random) -> None:
    ids = (await session.scalars(select(Speaker.id))).all()
    if len(ids) > 1:
        await random.choice([distinct_speakers.add, distinct_speakers.remove])(session, *random.sample(ids, 2))


CHANGES: tuple[Change, ...] = (
    _rename, _delete_speaker, _merge, _move_line, _drop_empty, _correct, _misidentify, _set, _enroll, _tell_apart,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_after_a_backup_is_undone_by_restoring_it(database: Database, seed: int) -> None:
    random = Random(seed)
    async with database.session() as session:
        people: list[int | None] = [None, *[await add_speaker(session, f"Speaker {i}", i) for i in range(3)]]
        for i in range(3):
            await add_talk(session, random.sample(people, 2), lines=5, seed=100 * (i + 1))

    async def live_on() -> None:
        for _ in range(8):
            async with database.session() as session:
                await random.choice(CHANGES)(session, random)

    await live_on()
    kept = await keep(database)
    async with database.session() as session:
        before = await state(session)
    await live_on()
    await put_back(database, kept)
    async with database.session() as session:
        assert await state(session) == before
