"""The voice settings: read, change and reset while the program runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from api import schemas, security
from api.dependencies import ContextDep
from pipeline.identity import thresholds
from pipeline.voice_settings import VoiceSettings, VoiceSettingsChange
from services.access import audit
from services.context import AppContext
from storage.speakers import voice_settings

router = APIRouter(prefix="/settings/voice", tags=["settings"], dependencies=[security.READER])


class NewVoiceSettings(VoiceSettingsChange):
    """The settings to change."""

    embedding_model: str | None = Field(
        None,
        description="The embedding model that `speaker_threshold` was chosen for. With it any value in bounds is taken; "
        "without it one that is too low for the running model is refused, as it is probably another model's.",
    )


class CurrentVoiceSettings(VoiceSettings):
    """The settings in force."""

    warning: str | None = Field(None, description="What is wrong with the speaker threshold; absent if nothing is.")


OUT_OF_BOUNDS = {"greater_than_equal", "less_than_equal"}
# Described by hand: FastAPI would answer 422 to a value out of bounds, and clients know 400.
BODY = {"required": True, "content": {"application/json": {"schema": NewVoiceSettings.model_json_schema()}}}


@router.get("", response_model_exclude_none=True)
async def get_voice_settings(context: ContextDep) -> CurrentVoiceSettings:
    """The settings in force: values changed here, else the environment's values, else the defaults.

    `speaker_threshold` is a cosine similarity and belongs to the speaker embedding model; higher is stricter.
    """
    return await _current(context)


@router.post(
    "",
    response_model_exclude_none=True,
    dependencies=[security.ADMIN],
    openapi_extra={"requestBody": BODY},
    responses={400: {"model": schemas.Error, "description": "A value is out of its bounds, or none was given."}},
)
async def change_voice_settings(context: ContextDep, body: Annotated[dict[str, Any], Body()]) -> CurrentVoiceSettings:
    """Change any of them, for everything that is processed from now on. The change survives a restart."""
    change = _parse(body)
    if not change.model_dump(exclude_none=True, exclude={"embedding_model"}):
        raise HTTPException(400, "No settings provided to update")
    model = await context.policies.embedding_model()
    _check_threshold(change, model)
    async with context.database.session() as session:
        await voice_settings.update(session, change, model)
        await audit.record(session, "settings.change")
    return await _current(context)


@router.post("/reset", response_model_exclude_none=True, dependencies=[security.ADMIN])
async def reset_voice_settings(context: ContextDep) -> CurrentVoiceSettings:
    """Reset to the environment's values and the defaults."""
    async with context.database.session() as session:
        await voice_settings.reset(session)
        await audit.record(session, "settings.reset")
    return await _current(context)


async def _current(context: AppContext) -> CurrentVoiceSettings:
    values, warning = await context.policies.voice_settings(), await context.policies.threshold_warning()
    return CurrentVoiceSettings(**values.model_dump(), warning=warning)


def _check_threshold(change: NewVoiceSettings, model: str) -> None:
    value, chosen_for = change.speaker_threshold, change.embedding_model
    if value is None:
        return
    if chosen_for is None and thresholds.is_foreign(value, model):
        raise HTTPException(400, f"Invalid settings: speaker_threshold: {thresholds.refusal(value, model)}")
    if chosen_for not in (None, model):
        raise HTTPException(
            400,
            f"Invalid settings: embedding_model: {model} is running, and a threshold for another model does not apply to it.",
        )


def _parse(body: dict[str, Any]) -> NewVoiceSettings:
    try:
        return NewVoiceSettings.model_validate(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if any(fault["type"] not in OUT_OF_BOUNDS for fault in faults):
            raise RequestValidationError([fault | {"loc": ("body", *fault["loc"])} for fault in faults]) from error
        reasons = (f"{fault['loc'][0]}: {fault['msg']}" for fault in faults)
        raise HTTPException(400, f"Invalid settings: {'; '.join(reasons)}") from error
