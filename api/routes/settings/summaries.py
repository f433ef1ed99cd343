"""The language model that writes summaries, and the templates of summaries."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Response

from api import schemas, security
from api.dependencies import ContextDep, not_found
from pipeline.summary.templates import BUILT_IN, Template, TemplateName
from services.llm.errors import LlmOffError
from services.summaries.service import TemplateError

router = APIRouter(prefix="/settings/summaries", tags=["settings"], dependencies=[security.READER])

Name = Annotated[TemplateName, Path()]
REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"model": schemas.Error, "description": "It is built in, or there are too many."}
}
OFF: dict[int | str, dict[str, Any]] = {503: {"model": schemas.Error, "description": "No language model is set up."}}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "No such template was added."}}


@router.get("")
async def get_summary_settings(context: ContextDep) -> schemas.SummarySettings:
    """Which model writes summaries and where it runs, and the templates."""
    found, model = await context.summaries.templates(), context.summaries.description
    own = {one.name for one in BUILT_IN}
    return schemas.SummarySettings(
        model=None if model is None else model.model,
        server=None if model is None else model.server,
        templates=[schemas.Template(name=one.name, instructions=one.instructions, built_in=one.name in own) for one in found],
    )


@router.post("/check", dependencies=[security.ADMIN], responses=OFF)
async def check_language_model(context: ContextDep) -> schemas.LanguageModelCheck:
    """Send one small request to the language model: whether it answers, how fast, and in which form. No transcript is sent."""
    try:
        return schemas.LanguageModelCheck.model_validate(await context.summaries.check_model())
    except LlmOffError as error:
        raise HTTPException(503, str(error)) from error


@router.put("/templates/{name}", dependencies=[security.ADMIN], responses=REFUSED)
async def put_template(context: ContextDep, name: Name, text: schemas.TemplateText) -> schemas.Template:
    """Add a template, or change one that was added."""
    try:
        await context.summaries.put_template(Template(name, text.instructions))
    except TemplateError as error:
        raise HTTPException(409, str(error)) from error
    return schemas.Template(name=name, instructions=text.instructions, built_in=False)


@router.delete("/templates/{name}", dependencies=[security.ADMIN], status_code=204, response_class=Response, responses=MISSING)
async def delete_template(context: ContextDep, name: Name) -> None:
    """Delete a template that was added. Summaries that were made with it stay."""
    try:
        await context.summaries.delete_template(name)
    except LookupError as error:
        raise not_found(error) from error
