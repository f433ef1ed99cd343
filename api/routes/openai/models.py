"""The models that a request may name, and `GET /v1/models`."""

import re
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from api import schemas, security
from api.dependencies import ContextDep
from api.routes.openai.errors import OpenAIError, Refused
from services.context import AppContext
from services.errors import ModelsUnavailableError

router = APIRouter(tags=["openai"], dependencies=[security.READER])

NAMES = (
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-transcribe",
)
"""OpenAI's names, which mean the model that is running."""
NO_TRANSLATION = re.compile(r"turbo|distil|\.en\b", re.IGNORECASE)
"""Models that were trained with transcripts only (https://github.com/openai/whisper, "Available models")."""
CREATED = 1_669_852_800
"""Seconds since 1970: OpenAI's date of `whisper-1`. Clients sort by it; no model here has a date of its own."""

UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": OpenAIError, "description": "There is no such model."}}


class Model(schemas.Schema):
    id: str = Field(examples=["whisper-1"])
    object: Literal["model"] = "model"
    created: int = CREATED
    owned_by: str = "vivavoce"


class Models(schemas.Schema):
    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/models")
async def list_models(context: ContextDep) -> Models:
    """The names that `model` takes: that of the running model, and OpenAI's, which stand for it."""
    return Models(data=[Model(id=name) for name in await names(context)])


@router.get("/models/{model:path}", responses=UNKNOWN)
async def get_model(context: ContextDep, model: str) -> Model:
    """One of them."""
    await check(context, model)
    return Model(id=model)


async def check_translates(context: AppContext, model: str) -> None:
    """Raises Refused, also where the running model was not trained to translate: it would write what is said."""
    await check(context, model)
    running = (await names(context))[0]
    if NO_TRANSLATION.search(running):
        sentence = f"The running model {running!r} does not translate: set WHISPER_MODEL to one that does, such as large-v3."
        raise Refused(400, sentence, "model")


async def names(context: AppContext) -> list[str]:
    """Raises ModelsUnavailableError."""
    try:
        running = (await context.stage_status())["transcriber"]["model"]
    except Exception as error:
        raise ModelsUnavailableError from error
    return list(dict.fromkeys([str(running), *NAMES]))


async def check(context: AppContext, model: str) -> None:
    """Raises Refused for a model that is none of `names`."""
    known = [*NAMES] if model in NAMES else await names(context)
    if model not in known:
        sentence = f"The model {model[:100]!r} does not exist: name one of {', '.join(known)}."
        raise Refused(404, sentence, "model", "model_not_found")
