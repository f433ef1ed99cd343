"""The identity policy in force: the voice settings for the embedding model that is running."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.voice_settings import VoiceSettings
from services.errors import ModelsUnavailableError
from settings import Settings
from storage.postgres.database import Database
from storage.speakers import speakers, voice_settings

STATUS_TIMEOUT_S = 30.0
"""How long to wait for the stages to name their models: after a change of the graph they may still be loading."""
MODEL_MAX_AGE_S = 60.0
"""How long the model's name is kept: a change of the graph can bring another model while this process stays."""

StageStatus = Mapping[str, Mapping[str, str | None]]
"""For each stage: `model`, `device` and `note`."""
ReadPolicy = Callable[[AsyncSession], Awaitable[IdentityPolicy]]
"""`Policies.read`, for functions that need the policy in some cases only."""


class Policies:
    """Reads the policy in the transaction in which it is applied. The name of the embedding model is kept in memory."""

    def __init__(self, settings: Settings, database: Database, stage_status: Callable[[], Awaitable[StageStatus]]) -> None:
        self._settings = settings
        self._database = database
        self._stage_status = stage_status
        self._model = ""
        self._read_at = -MODEL_MAX_AGE_S

    async def embedding_model(self) -> str:
        """The name of the speaker embedding model. Raises ModelsUnavailableError where the stages have never answered."""
        if time.monotonic() - self._read_at < MODEL_MAX_AGE_S:
            return self._model
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                self._model = str((await self._stage_status())["embedder"]["model"])
        except Exception as error:
            if not self._model:
                raise ModelsUnavailableError from error
        self._read_at = time.monotonic()
        return self._model

    async def voice_settings(self) -> VoiceSettings:
        """The voice settings as they are now, in a transaction of their own. Raises ModelsUnavailableError."""
        model = await self.embedding_model()
        async with self._database.session() as session:
            return await voice_settings.get(session, self._settings, model)

    async def threshold_warning(self) -> str | None:
        """What a user should know about the speaker threshold in force. Raises ModelsUnavailableError."""
        model = await self.embedding_model()
        async with self._database.session() as session:
            return await voice_settings.threshold_warning(session, self._settings, model)

    async def read(self, session: AsyncSession) -> IdentityPolicy:
        """The policy as the transaction of `session` sees it. Raises ModelsUnavailableError.

        It may wait `STATUS_TIMEOUT_S` for the stages. A transaction that decides who speaks starts with `lock` instead.
        """
        model = await self.embedding_model()
        voice = await voice_settings.get(session, self._settings, model)
        return IdentityPolicy(model, voice, self._settings.enable_personalized_emotions)

    async def lock(self, session: AsyncSession) -> IdentityPolicy:
        """Take `speakers.lock`, then read the policy: what another transaction changed under the lock applies to this one.

        The first call in a transaction: the stages are queried before anything is locked. Raises ModelsUnavailableError.
        """
        await self.embedding_model()
        await speakers.lock(session)
        return await self.read(session)
