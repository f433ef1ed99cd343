"""References of a speaker for the running embedding model."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from pydantic import Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep
from services.reembedding import NoRecordingError, reembed

router = APIRouter(prefix="/speakers", tags=["speakers"], dependencies=[security.ADMIN])

RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such speaker."},
    409: {"model": schemas.Error, "description": "No recording of the speaker is kept here."},
}


class Reembedded(schemas.Schema):
    message: str
    speaker_id: int
    speaker_name: str
    embedding_model: str = Field(examples=["wespeaker-resnet34"])
    references: int = Field(description="New reference vectors of the speaker, one of each recording.")


@router.post("/{speaker_id}/reembed", responses=RESPONSES)
async def reembed_speaker(context: ContextDep, speaker_id: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Reembedded:
    """Compute reference vectors from the speaker's recordings with the running embedding model.

    For speakers with vectors of another model only, for example after an import: vectors of two models are not
    comparable.
    """
    try:
        done = await reembed(context.recordings, speaker_id)
    except NoRecordingError as error:
        raise HTTPException(409, str(error)) from error
    except LookupError as error:
        raise HTTPException(404, str(error)) from error
    return Reembedded(
        message=f"Speaker '{done.speaker_name}' is known to {done.model} by {done.references} recording(s).",
        speaker_id=speaker_id,
        speaker_name=done.speaker_name,
        embedding_model=done.model,
        references=done.references,
    )
