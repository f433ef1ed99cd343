"""The application with the real models, and a processed telephone call."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engines.in_process import LocalStages
from media import recording
from media.decoding import decode
from pipeline.identity.policy import IdentityPolicy
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Samples, Transcript
from services.identity import reprocessing
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.speakers import voice_settings
from tests.api.contract.client import Client
from tests.support.application import Application, running
from vivavoce.sample import recording as telephone_call


@pytest.fixture(scope="package")
def samples() -> Samples:
    return decode(telephone_call(), max_duration=60)


@pytest.fixture(scope="package")
async def transcript(real_stages: LocalStages, samples: Samples) -> Transcript:
    """The transcript of the call, computed once for all tests."""

    async def progress(_stage: str, _fraction: float) -> None: ...

    return await process(samples, len(samples) / SAMPLE_RATE, real_stages, Options(language="en"), progress)


@pytest.fixture
async def application(
    database: Database, database_url: str, tmp_path: Path, real_stages: LocalStages
) -> AsyncIterator[Application]:
    model = real_stages.embedder.engine.model  # type: ignore[attr-defined]
    async with running(Settings(), database_url, tmp_path, real_stages, model) as application:
        yield application


@pytest.fixture
def api(application: Application) -> Client:
    return Client(application.client)


@pytest.fixture
async def call(application: Application, samples: Samples, transcript: Transcript, tmp_path: Path) -> int:
    """The call, processed; returns its conversation's id. Its voices are Unknown_01 and Unknown_02."""
    context = application.context
    recording.write(tmp_path / "call.flac", samples)
    key = await AudioStore(str(tmp_path)).put(tmp_path / "call.flac", ".flac")
    model = await context.policies.embedding_model()
    async with context.database.session() as session:
        policy = IdentityPolicy(model, await voice_settings.get(session, context.settings, model))
        id_ = await conversations.create(session, "Uploaded: call.wav", key, "flac")
        await reprocessing.replace(session, id_, transcript, policy)
    return id_
