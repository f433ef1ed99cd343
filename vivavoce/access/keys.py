"""`vivavoce keys`: API keys, in the database itself, so that it needs no key and no running application.

The libraries of the database are imported when a command runs: they would delay all other commands.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.access import Role
from settings import Settings
from vivavoce.printing import table

if TYPE_CHECKING:
    from storage.access.keys import Key

MAX_DAYS = 3650

app = typer.Typer(help="API keys of programs.", no_args_is_help=True)


class KeysError(RuntimeError):
    """It cannot be done; one sentence that says what to do about it."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the name of a program.")],
    role: Annotated[Role, typer.Option(help="What the key allows.")] = Role.READER,
    owner: Annotated[str | None, typer.Option(help="Name of the account that it belongs to. [default: none]")] = None,
    expires: Annotated[
        int | None, typer.Option(min=1, max=MAX_DAYS, metavar="DAYS", help="When it ends. [default: never]")
    ] = None,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from pydantic import TypeAdapter, ValidationError

    from pipeline.names import Name
    from services.access import api_keys
    from storage.access.people import PersonNotFoundError
    from vivavoce.database import with_database

    try:
        valid = TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise KeysError(f"This name cannot be used: {error.errors()[0]['msg'].rstrip('.')}.") from error
    lifetime = None if expires is None else timedelta(days=expires)
    try:
        key, made = with_database(Settings(), lambda database: api_keys.create_for(database, valid, role, owner, lifetime))
    except PersonNotFoundError as error:
        raise KeysError(f"There is no account {owner!r}: `vivavoce people list` shows them.") from error
    print(f"Key {made.id} for the role {role}. It is not shown again:", file=sys.stderr)
    print(key)


@app.command("list")
def list_keys() -> None:
    """List the keys, also those that are revoked or expired."""
    from services.access import api_keys
    from vivavoce.database import with_database

    found = with_database(Settings(), api_keys.list_all)
    rows = [
        (
            str(key.id),
            key.name,
            f"{key.prefix}…",
            key.role,
            key.person or "",
            _day(key.created_at),
            _day(key.last_used_at),
            _state(key),
        )
        for key in found
    ]
    print(table(("id", "name", "key", "role", "owner", "made", "last used", "state"), rows))


@app.command()
def revoke(key_id: Annotated[int, typer.Argument(metavar="ID", help="The number of the key in the list.")]) -> None:
    """Revoke a key. Requests with it are refused within seconds."""
    from services.access import api_keys
    from storage.access.keys import KeyNotFoundError
    from vivavoce.database import with_database

    try:
        revoked = with_database(Settings(), lambda database: api_keys.revoke(database, key_id))
    except KeyNotFoundError as error:
        raise KeysError(str(error)) from error
    print(f"Key {revoked.id} ({revoked.name}) is revoked.")


def _state(key: "Key") -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'expired' if key.expires_at <= datetime.now(UTC) else 'expires'} {_day(key.expires_at)}"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
