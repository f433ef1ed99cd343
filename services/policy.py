"""The identity policy in force: the voice settings for the embedding model that is running."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from pipeline.identity.policy import IdentityPolicy
from pipeline.voice_settings import VoiceSettings
from services.errors import ModelsUnavailableError
from settings import Settings
from storage.postgres.database import Database
from storage.speakers import voice_settings

STATUS_TIMEOUT_S = 30.0
"""For the stages to say what they run: their models may be loading, as they do after a change."""
MODEL_MAX_AGE_S = 60.0
"""A change of the graph may bring another model while this replica stays, or came first."""

StageStatus = Mapping[str, Mapping[str, str | None]]
"""For each stage: `model`, `device` and `note`."""


class Policies:
    """Reads the policy; remembers which embedding model is running."""

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
        """Raises ModelsUnavailableError."""
        model = await self.embedding_model()
        async with self._database.session() as session:
            return await voice_settings.get(session, self._settings, model)

    async def current(self) -> IdentityPolicy:
        """Raises ModelsUnavailableError."""
        voice = await self.voice_settings()
        return IdentityPolicy(await self.embedding_model(), voice, self._settings.enable_personalized_emotions)
