"""`vivavoce people`: accounts, in the database itself, so that it needs no login and no running application.

The libraries of the database are imported when a command runs: they would delay all other commands.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from pipeline import names
from pipeline.access import Role
from settings import Settings
from vivavoce.printing import table

if TYPE_CHECKING:
    from services.access.accounts import Accounts

T = TypeVar("T")

app = typer.Typer(help="Accounts of people who log in.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name to log in with.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")]


class PeopleError(RuntimeError):
    """It cannot be done; one sentence that says what to do about it."""


@app.command()
def create(
    name: Annotated[
        str, typer.Argument(help="The name to log in with; the e-mail address of a person who uses OpenID Connect.")
    ],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.READER,
    password_stdin: PasswordStdin = False,
    openid: Annotated[bool, typer.Option("--openid", help="No password: the person logs in with OpenID Connect.")] = False,
) -> None:
    """Create an account."""
    if openid and password_stdin:
        raise typer.BadParameter("Give either --openid or --password-stdin.")
    try:
        valid = TypeAdapter(names.Name).validate_python(name)
    except ValidationError as error:
        raise PeopleError(f"This name cannot be used: {error.errors()[0]['msg'].rstrip('.')}.") from error
    given = None if openid else _password(password_stdin)
    _run(lambda accounts: accounts.create(valid, role, given))
    print(f"{name} may log in as {role}.")


@app.command("list")
def list_people() -> None:
    """List the accounts."""
    found = _run(lambda accounts: accounts.list_all())
    rows = [
        (
            str(person.id),
            person.name,
            person.role,
            " ".join(way for way, has in (("password", person.has_password), ("openid", person.has_openid)) if has) or "-",
            "disabled" if person.disabled else "",
            f"{person.created_at:%Y-%m-%d}",
        )
        for person in found
    ]
    print(table(("id", "name", "role", "logs in with", "state", "created"), rows))


@app.command()
def disable(name: Name) -> None:
    """Disable an account: it cannot log in, its sessions end and its keys do not work."""

    async def work(accounts: "Accounts") -> None:
        await accounts.change((await accounts.by_name(name)).id, disabled=True)

    _run(work)
    print(f"{name} may not log in any more.")


@app.command()
def password(name: Name, password_stdin: PasswordStdin = False) -> None:
    """Set a new password, which ends all sessions of the account; enables a disabled account."""
    given = _password(password_stdin)

    async def work(accounts: "Accounts") -> None:
        await accounts.change((await accounts.by_name(name)).id, disabled=False, password=given)

    _run(work)
    print(f"{name} has a new password.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise PeopleError("There is no terminal to ask for the password: give --password-stdin.")
    from services.access.passwords import MIN_CHARS

    return str(typer.prompt(f"Password, at least {MIN_CHARS} characters", hide_input=True, confirmation_prompt=True))


def _run(work: Callable[["Accounts"], Awaitable[T]]) -> T:
    from services.access.accounts import Accounts
    from services.access.passwords import PasswordHasher, UnsuitablePasswordError
    from storage.access.people import PersonExistsError, PersonNotFoundError
    from vivavoce.database import with_database

    try:
        return with_database(Settings(), lambda database: work(Accounts(database, PasswordHasher())))
    except PersonNotFoundError as error:
        raise PeopleError("There is no such person; `vivavoce people list` shows all.") from error
    except (PersonExistsError, UnsuitablePasswordError) as error:
        raise PeopleError(str(error)) from error
