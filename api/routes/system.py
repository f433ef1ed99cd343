"""Status of the service."""

from importlib.metadata import version

from fastapi import APIRouter

from api import schemas, security
from api.dependencies import ContextDep
from pipeline.stages import NO_MODEL
from settings import NAME

router = APIRouter(tags=["system"], dependencies=[security.READER])


@router.get("/status")
async def status(context: ContextDep) -> schemas.Status:
    """The service, its device, and the model that each stage runs."""
    stages = {name: schemas.StageStatus.model_validate(stage) for name, stage in (await context.stage_status()).items()}
    llm = context.summaries.description
    text = stages.get("text")
    coverage = None if text is None or text.model == NO_MODEL else await context.search.coverage.read(text.model)
    gpu = any(stage.device == "cuda" for stage in stages.values())
    return schemas.Status(
        gpu_available=gpu,
        device="cuda" if gpu else "cpu",
        version=version(NAME),
        models=await context.models.names(),
        stages=stages,
        language_model=None if llm is None else schemas.LanguageModel.model_validate(llm),
        search_by_meaning=None if coverage is None else schemas.Coverage.model_validate(coverage),
    )
