"""The models that transcribe: which of them a request may name, and whether one can do the requested task."""

import asyncio
from collections.abc import Awaitable, Callable

from engines.weights import whisper_models
from engines.weights.whisper_models import UnknownModelError
from pipeline.decoding import Decoding
from services.errors import ModelsUnavailableError
from services.policy import STATUS_TIMEOUT_S, StageStatus
from settings import Settings


class Models:
    def __init__(self, settings: Settings, stage_status: Callable[[], Awaitable[StageStatus]]) -> None:
        self.others = list(whisper_models.others(settings))
        self.stage_status = stage_status

    async def names(self) -> list[str]:
        """The model that is running, which is the default, and the others. Raises ModelsUnavailableError."""
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                running = str((await self.stage_status())["transcriber"]["model"])
        except Exception as error:
            raise ModelsUnavailableError from error
        return list(dict.fromkeys([running, *self.others]))

    async def chosen(self, decoding: Decoding, language: str | None) -> Decoding:
        """`decoding` with the name of its model, which is empty for the default one.

        Raises:
            ModelError: There is no such model (`UnknownModelError`), or it cannot do the requested task.
            ModelsUnavailableError: It may be the default one, which does not answer.
        """
        if not decoding.model and decoding.task == "transcribe" and language in (None, "en"):
            return decoding  # every model can do that
        try:
            known = await self.names()
        except ModelsUnavailableError as error:
            try:
                return whisper_models.with_model(decoding, language, ["", *self.others])  # a replica checks the default one
            except UnknownModelError:
                raise error from None
        return whisper_models.with_model(decoding, language, known)
