"""The hot words of the installation."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import ConfigDict, Field

from api import schemas, security
from api.dependencies import ContextDep
from pipeline.hotwords import MAX_HOTWORDS, Hotword, hotwords_of, merged
from services.schemas import Schema
from services.vocabulary import CurrentVocabulary, VocabularyTooLongError
from storage.vocabulary import StoredVocabulary

router = APIRouter(prefix="/settings/vocabulary", tags=["settings"], dependencies=[security.READER])

Names = Annotated[bool, Field(description="Whether names of known speakers fill the room that the hot words leave.")]


class NewVocabulary(Schema):
    model_config = ConfigDict(extra="forbid")

    hotwords: list[Hotword] = Field(
        max_length=MAX_HOTWORDS,
        description="Names and terms that are likely to occur, the most important first.",
        examples=[["Vivavoce", "pgvector", "Siobhán"]],
    )
    include_speaker_names: Names = False


class VocabularySettings(Schema):
    hotwords: list[str]
    include_speaker_names: Names
    speaker_names: list[str] | None = Field(
        description="Names that are read beside the hot words, those in the most conversations first; null while the models do "
        "not answer."
    )
    left_out: list[str] | None = Field(
        description="Hot words and names that the default model has no room for; null while the models do not answer."
    )


UNCHECKED: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Error, "description": "The models do not answer, so that the list cannot be checked."}
}


@router.get("")
async def get_vocabulary(context: ContextDep) -> VocabularySettings:
    """The hot words of all recordings. Those of a request are read before them."""
    return _shown(await context.vocabularies.current())


@router.put("", dependencies=[security.ADMIN], responses=UNCHECKED)
async def replace_vocabulary(context: ContextDep, body: NewVocabulary) -> VocabularySettings:
    """Replace them, for everything that is transcribed from now on. 422 where the transcriber has no room for all."""
    words: Sequence[str] = merged(*map(hotwords_of, body.hotwords))
    try:
        found = await context.vocabularies.change(StoredVocabulary(words, body.include_speaker_names))
    except VocabularyTooLongError as error:
        raise HTTPException(422, str(error)) from error
    return _shown(found)


def _shown(found: CurrentVocabulary) -> VocabularySettings:
    return VocabularySettings.model_validate(found)
