"""People who are known from little speech, or speak little."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select

from pipeline.identity.policy import IdentityPolicy
from pipeline.live.live_segment import ProcessedSegment
from pipeline.types import Participant, Vector, Voiceprint
from services.identity import live_segments, speaker_admin, transcripts
from storage.conversations import conversations, live_recordings
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import VoiceprintRow
from tests.storage.test_backups import keep, put_back
from tests.storage.transcripts import RULES, near, transcript, voice

POLICY = IdentityPolicy("wespeaker-resnet34", RULES.voice)
"""Of the model whose similarities are corrected."""
ALMOST = near(voice(1), POLICY.voice.speaker_threshold * 0.97)
"""Below the threshold."""


async def enroll(database: Database, name: str, vector: Vector, seconds: float | None = None) -> int:
    async with database.session() as session:
        return (await speaker_admin.enroll(session, POLICY, name, Voiceprint(vector, POLICY.model), seconds)).id


async def uploaded(database: Database, vector: Vector, seconds: float) -> str:
    """The name of a speaker with so much speech in a recording."""
    content = transcript([vector], lines=1, model=POLICY.model)
    (person,) = content.participants
    content = replace(content, participants=(replace(person, speech_seconds=seconds),))
    async with database.session() as session:
        id_ = await conversations.create(session, None, None, "wav")
        await transcripts.save(session, id_, content, POLICY)
        found = await conversations.get(session, id_)
    assert found is not None
    return found.segments[0].speaker_name


async def live(database: Database, vector: Vector, seconds: float) -> str:
    """The same of a segment of a live conversation."""
    (segment,) = transcript([vector], lines=1).segments
    heard = Voiceprint(vector, POLICY.model)
    processed = ProcessedSegment((replace(segment, voice=heard),), (Participant(segment.speaker, seconds, heard),))
    async with database.session() as session:
        id_ = await live_recordings.begin(session, uuid4(), None, "flac", None)
    async with database.session() as session:
        (line,) = await live_segments.add(session, id_, processed, POLICY)
    return line.speaker_name


@pytest.mark.parametrize("heard", [uploaded, live])
@pytest.mark.parametrize(
    ("enrolled", "seconds", "recognised"), [(2.0, 2.5, True), (20.0, 2.5, True), (20.0, 20.0, False), (None, 20.0, False)]
)
async def test_less_similarity_is_needed_of_little_speech(
    database: Database,
    heard: Callable[[Database, Vector, float], Awaitable[str]],
    enrolled: float | None,
    seconds: float,
    recognised: bool,
) -> None:
    await enroll(database, "Ada", voice(1), enrolled)
    assert (await heard(database, ALMOST, seconds) == "Ada") == recognised


async def test_a_voice_that_resembles_two_named_people_is_neither(database: Database) -> None:
    vector = voice(1)
    await enroll(database, "Bob", near(vector, POLICY.voice.speaker_threshold + 0.04), 20.0)
    await enroll(database, "Cleo", near(vector, POLICY.voice.speaker_threshold + 0.05), 20.0)
    assert (await uploaded(database, vector, 20.0)).startswith("Unknown")


async def test_a_backup_says_of_how_much_speech_a_sample_is(database: Database) -> None:
    ada = await enroll(database, "Ada", voice(1), 2.25)
    file = await keep(database)
    async with database.session() as session:
        await speaker_admin.delete(session, ada)
    await put_back(database, file)
    async with database.session() as session:
        assert await session.scalar(select(VoiceprintRow.speech_seconds)) == 2.25
        assert await speakers.find(session, "Ada") is not None
