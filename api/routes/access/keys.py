"""API keys."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Response
from pydantic import BaseModel, Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep
from pipeline.access import Role
from pipeline.names import Name
from services.access import api_keys
from storage.access.people import PersonNotFoundError

router = APIRouter(prefix="/keys", tags=["access"], dependencies=[security.ADMIN])

MAX_DAYS = 3650

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such key."}}
NOBODY: dict[int | str, dict[str, Any]] = {400: {"model": schemas.Error, "description": "There is no such person."}}


class Key(schemas.Schema):
    id: int
    name: str
    prefix: str = Field(description="The first characters of the key.")
    role: Role
    person_id: int | None = Field(description="The owner.")
    person: str | None = Field(description="The owner's name.")
    created_at: schemas.Moment
    expires_at: schemas.Moment | None
    last_used_at: schemas.Moment | None = Field(description="To the minute.")
    revoked_at: schemas.Moment | None


class CreatedKey(Key):
    key: str = Field(description="The key itself, which is not shown again.")


class Keys(schemas.Schema):
    keys: list[Key]


class NewKey(BaseModel):
    name: Name = Field(description="What it is for.")
    role: Role = Role.READER
    person_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(
        None, description="The owner; default: the person who asks. A key never allows more than its owner's role."
    )
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = Field(None, description="Default: never.")


@router.get("")
async def list_keys(context: ContextDep) -> Keys:
    """All keys, oldest first, also those that are revoked or expired."""
    found = await api_keys.list_all(context.database)
    return Keys(keys=[Key.model_validate(key) for key in found])


@router.post("", status_code=201, responses=NOBODY)
async def create_key(context: ContextDep, new: NewKey, response: Response) -> CreatedKey:
    """Make a key. The answer is the only one that holds it."""
    lifetime = None if new.expires_in_days is None else timedelta(days=new.expires_in_days)
    try:
        key, made = await api_keys.create(context.database, new.name, new.role, person_id=new.person_id, lifetime=lifetime)
    except PersonNotFoundError as error:
        raise HTTPException(400, f"{error}; leave person_id out, or give the id of an account.") from error
    response.headers["Cache-Control"] = "no-store"
    return CreatedKey(**Key.model_validate(made).model_dump(), key=key)


@router.delete("/{key_id}", responses=MISSING)
async def revoke_key(context: ContextDep, key_id: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Key:
    """Revoke a key. It stays in the list; requests with it are refused within seconds."""
    return Key.model_validate(await api_keys.revoke(context.database, key_id))
