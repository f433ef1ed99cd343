"""Accounts, for administrators, and the creation of the first one."""

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from api import schemas, security
from api.dependencies import ContextDep
from api.routes.access.login import LIMITED, keep_session
from pipeline.names import Name
from services.access import passwords

router = APIRouter(prefix="/people", tags=["people"])

LARGEST_ID = 2**31 - 1
"""Ids of people are PostgreSQL integers."""
UNSUITABLE: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The password is too short or too easy to guess."}
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such person."}}
OWN: dict[int | str, dict[str, Any]] = {409: {"model": schemas.Error, "description": "It is the caller's own account."}}
PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Vivavoce: first account</title>
<form method="post"><h1>Create the first account</h1><input type="hidden" name="ticket" value="{{ticket}}">
<p><label>Name <input name="name" required maxlength="200" autocomplete="username"></label></p>
<p><label>Password, at least {passwords.MIN_CHARS} characters <input name="password" type="password" required
minlength="{passwords.MIN_CHARS}" maxlength="{passwords.MAX_CHARS}" autocomplete="new-password"></label></p>
<p><button>Create</button></p></form></html>"""

PersonId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Ticket = Annotated[str, Query(max_length=100, description="As the server printed it.")]


@router.get("", dependencies=[security.ADMIN])
async def list_people(context: ContextDep) -> schemas.People:
    """All accounts by name."""
    found = await context.accounts.list_all()
    return schemas.People(people=[schemas.Person.model_validate(person) for person in found])


@router.post(
    "",
    status_code=201,
    dependencies=[security.ADMIN],
    responses=UNSUITABLE | {409: {"model": schemas.Error, "description": "Another person has this name."}},
)
async def create_person(context: ContextDep, new: schemas.NewPerson) -> schemas.Person:
    """Create an account. Without a password, it waits for a login with OpenID Connect by a person of this e-mail address."""
    password = None if new.password is None else new.password.get_secret_value()
    return schemas.Person.model_validate(await context.accounts.create(new.name, new.role, password))


@router.patch("/{person_id}", dependencies=[security.ADMIN], responses=UNSUITABLE | NOT_FOUND | OWN)
async def change_person(context: ContextDep, person_id: PersonId, change: schemas.PersonChange) -> schemas.Person:
    """Change the role, disable or enable, or set a password. Disabling and a new password end all sessions of the person."""
    password = None if change.password is None else change.password.get_secret_value()
    person = await context.accounts.change(person_id, role=change.role, disabled=change.disabled, password=password)
    return schemas.Person.model_validate(person)


@router.delete("/{person_id}", status_code=204, dependencies=[security.ADMIN], responses=NOT_FOUND | OWN)
async def delete_person(context: ContextDep, person_id: PersonId) -> Response:
    """Delete the account with its sessions and keys. Conversations of the person stay, without an owner."""
    await context.accounts.delete(person_id)
    return Response(status_code=204)


@router.get("/first", response_class=HTMLResponse)
async def first_account_form(ticket: Ticket = "") -> Response:
    """The form to which the link in the log leads."""
    return HTMLResponse(PAGE.format(ticket=escape(ticket)), headers={"Cache-Control": "no-store"})


@router.post(
    "/first",
    status_code=201,
    responses=UNSUITABLE
    | LIMITED
    | {403: {"model": schemas.Error, "description": "The ticket is not valid, or there are accounts already."}},
)
async def create_first_account(
    context: ContextDep,
    request: Request,
    response: Response,
    ticket: Annotated[str, Form(max_length=100)],
    name: Annotated[Name, Form()],
    password: Annotated[schemas.NewPassword, Form()],
) -> schemas.Person:
    """Create the first account, an administrator, with the ticket that the server prints when it starts; and log in."""
    login = await context.accounts.create_first(context.logins, ticket, name, password.get_secret_value())
    keep_session(context, request, response, login)
    return schemas.Person.model_validate(login.person)
