"""The voice settings: read, change and reset while the program runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api import schemas, security
from api.dependencies import ContextDep
from pipeline.voice_settings import VoiceSettings, VoiceSettingsChange
from services.access import audit
from storage.speakers import voice_settings

router = APIRouter(prefix="/settings/voice", tags=["settings"], dependencies=[security.READER])

OUT_OF_BOUNDS = {"greater_than_equal", "less_than_equal"}
# Described by hand: FastAPI would answer 422 to a value out of bounds, and clients know 400.
BODY = {"required": True, "content": {"application/json": {"schema": VoiceSettingsChange.model_json_schema()}}}


@router.get("")
async def get_voice_settings(context: ContextDep) -> VoiceSettings:
    """The settings in force: values changed here, else the environment's values, else the defaults.

    `speaker_threshold` is a cosine similarity and belongs to the speaker embedding model; higher is stricter.
    """
    return await context.policies.voice_settings()


@router.post(
    "",
    dependencies=[security.ADMIN],
    openapi_extra={"requestBody": BODY},
    responses={400: {"model": schemas.Error, "description": "A value is out of its bounds, or none was given."}},
)
async def change_voice_settings(context: ContextDep, body: Annotated[dict[str, Any], Body()]) -> VoiceSettings:
    """Change any of them, for everything that is processed from now on. The change survives a restart."""
    change = _parse(body)
    if not change.model_dump(exclude_none=True):
        raise HTTPException(400, "No settings provided to update")
    model = await context.policies.embedding_model()
    async with context.database.session() as session:
        await voice_settings.update(session, change, model)
        await audit.record(session, "settings.change")
        return await voice_settings.get(session, context.settings, model)


@router.post("/reset", dependencies=[security.ADMIN])
async def reset_voice_settings(context: ContextDep) -> VoiceSettings:
    """Reset to the environment's values and the defaults."""
    async with context.database.session() as session:
        await voice_settings.reset(session)
        await audit.record(session, "settings.reset")
    return await context.policies.voice_settings()


def _parse(body: dict[str, Any]) -> VoiceSettingsChange:
    try:
        return VoiceSettingsChange.model_validate(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if any(fault["type"] not in OUT_OF_BOUNDS for fault in faults):
            raise RequestValidationError([fault | {"loc": ("body", *fault["loc"])} for fault in faults]) from error
        reasons = (f"{fault['loc'][0]}: {fault['msg']}" for fault in faults)
        raise HTTPException(400, f"Invalid settings: {'; '.join(reasons)}") from error
