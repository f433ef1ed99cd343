"""Who owns a conversation, and who sees it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep, ConversationId, not_found
from api.routes.conversations import MISSING
from pipeline.access import Visibility
from services.access import sharing
from services.access.sharing import Change

router = APIRouter(prefix="/conversations/{conversation_id}/sharing", tags=["access"], dependencies=[security.READER])

MAX_PEOPLE = 1000

PersonId = Annotated[int, Field(ge=1, le=LARGEST_ID)]

REFUSED: dict[int | str, dict[str, Any]] = MISSING | {
    400: {"model": schemas.Error, "description": "There is no such person, or the values contradict each other."},
    403: {"model": schemas.Error, "description": "Only its owner and administrators may."},
}


class Sharing(schemas.Schema):
    owner: int | None = Field(description="The person who owns it; null for nobody.")
    visibility: Visibility = Field(description="Who sees it beside its owner and the administrators.")
    people: list[int] = Field(description="With the visibility `shared`: the people who see it, by id.")


class Account(schemas.Schema):
    id: int
    name: str


class SharingWithAccounts(Sharing):
    accounts: list[Account] = Field(description="Whom it can be shared with: the accounts that are not disabled, by name.")


class SharingChange(schemas.Schema):
    """What is left out stays. A list of people means the visibility `shared`, unless another is given."""

    visibility: Visibility | None = None
    people: list[PersonId] | None = Field(None, max_length=MAX_PEOPLE, description="All who are to see it, by id.")
    owner: PersonId | None = Field(None, description="The new owner; only administrators may change it.")


@router.get("", responses=REFUSED)
async def get_sharing(context: ContextDep, conversation_id: ConversationId) -> SharingWithAccounts:
    """Who owns the conversation, and who sees it."""
    try:
        found, accounts = await sharing.read(context.database, conversation_id)
    except LookupError as error:
        raise not_found(error) from error
    given = [Account.model_validate(person) for person in accounts]
    return SharingWithAccounts(**Sharing.model_validate(found).model_dump(), accounts=given)


@router.patch("", dependencies=[security.WRITER], responses=REFUSED)
async def change_sharing(context: ContextDep, conversation_id: ConversationId, change: SharingChange) -> Sharing:
    """Share the conversation. Who sees it may do with it what their role allows."""
    wanted = Change(change.visibility, change.people, change.owner)
    try:
        return Sharing.model_validate(await sharing.change(context.database, conversation_id, wanted))
    except LookupError as error:
        raise not_found(error) from error
