"""The identity policy, read in the transaction that applies it."""

import asyncio
from collections.abc import Mapping

from pipeline.voice_settings import VoiceSettingsChange
from services.policy import Policies
from settings import Settings
from storage.postgres.database import Database
from storage.speakers import speakers, voice_settings
from tests.storage.transcripts import MODEL
from tests.storage.waiting import await_lock_waiter


async def status() -> Mapping[str, Mapping[str, str | None]]:
    return {"embedder": {"model": MODEL}}


async def test_a_change_that_is_made_under_the_lock_applies_to_those_who_wait_for_it(database: Database) -> None:
    policies = Policies(Settings(speaker_threshold=0.5), database, status)

    async def threshold() -> float:
        async with database.session() as session:
            return (await policies.lock(session)).voice.speaker_threshold

    assert await threshold() == 0.5
    async with database.session() as session:
        await speakers.lock(session)
        waiting = asyncio.create_task(threshold())
        async with database.session() as other:
            await await_lock_waiter(other)
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.8), MODEL)
    assert await waiting == 0.8


async def test_a_transaction_reads_its_own_change(database: Database) -> None:
    policies = Policies(Settings(speaker_threshold=0.5), database, status)
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(emotion_threshold=0.9), MODEL)
        policy = await policies.read(session)
    assert (policy.model, policy.voice.emotion_threshold, policy.voice.speaker_threshold) == (MODEL, 0.9, 0.5)
