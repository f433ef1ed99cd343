"""The models that a request may name, and `GET /v1/models`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from api import schemas, security
from api.dependencies import ContextDep
from api.routes.openai.errors import OpenAIError, Refused
from api.routes.openai.form import AudioForm
from engines.weights.whisper_models import ModelError, UnknownModelError
from pipeline.decoding import Decoding
from services.context import AppContext

router = APIRouter(tags=["openai"], dependencies=[security.READER])

NAMES = (
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-transcribe",
)
"""OpenAI's names, which mean the default model."""
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
    """The names that `model` takes: those of the configured models, and OpenAI's, which stand for the first of these."""
    return Models(data=[Model(id=name) for name in await names(context)])


@router.get("/models/{model:path}", responses=UNKNOWN)
async def get_model(context: ContextDep, model: str) -> Model:
    """One of them."""
    await check(context, model)
    return Model(id=model)


async def names(context: AppContext) -> list[str]:
    """Raises ModelsUnavailableError."""
    return list(dict.fromkeys([*await context.models.names(), *NAMES]))


async def check(context: AppContext, model: str) -> None:
    """Raises Refused for a model that is none of `names`."""
    known = [*NAMES] if model in NAMES else await names(context)
    if model not in known:
        raise _unknown(model, known)


async def chosen(context: AppContext, asked: AudioForm, language: str | None) -> Decoding:
    """How to decode, with the model. Raises Refused, also where the model cannot do the task: it would transcribe instead."""
    decoding = replace(asked.decoding, model="" if asked.model in NAMES else asked.model)
    try:
        return await context.models.chosen(decoding, language)
    except UnknownModelError as error:
        raise _unknown(asked.model, await names(context)) from error
    except ModelError as error:
        raise Refused(400, str(error), "model") from error


def _unknown(model: str, known: Sequence[str]) -> Refused:
    sentence = f"The model {model[:100]!r} does not exist: name one of {', '.join(known)}."
    return Refused(404, sentence, "model", "model_not_found")
