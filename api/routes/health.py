"""Health checks for load balancers."""

import asyncio

from fastapi import APIRouter, HTTPException

from api.dependencies import ContextDep

router = APIRouter(prefix="/health", tags=["health"])

TIMEOUT_S = 5.0
"""Load balancers do not wait longer."""


@router.get("/live")
async def live() -> dict[str, str]:
    """This process answers."""
    return {"status": "alive"}


@router.get("/ready", responses={503: {"description": "The database or a stage does not answer."}})
async def ready(context: ContextDep) -> dict[str, str]:
    """The database and every stage answer."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await context.database.ping()
    except Exception as error:
        raise HTTPException(503, "The database does not answer; see the server's log.") from error
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await context.check_stages()
    except Exception as error:
        raise HTTPException(503, "A stage of the graph does not answer; see the server's log.") from error
    return {"status": "ready"}
