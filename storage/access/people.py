"""The table of people: accounts with a role, a password, an identity of an OpenID provider, or both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import TypedReturnsRows

from pipeline.access import Role
from pipeline.names import spelling
from storage.tables import Person as PersonRow


class PersonNotFoundError(LookupError):
    """There is no such person."""

    def __init__(self) -> None:
        super().__init__("Person not found")


class PersonExistsError(ValueError):
    """Another person has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A person with the name '{name}' already exists; choose another name.")


@dataclass(frozen=True, slots=True)
class Person:
    """An account without its secrets."""

    id: int
    name: str
    role: Role
    created_at: datetime
    disabled: bool
    has_password: bool
    has_openid: bool
    """Linked to an identity of an OpenID provider."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who someone is for an OpenID provider: `subject` is unique and never given to another one by the same issuer."""

    issuer: str
    subject: str


COLUMNS: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...] = (
    PersonRow.id,
    PersonRow.name,
    PersonRow.role,
    PersonRow.created_at,
    PersonRow.disabled_at.is_not(None),
    PersonRow.password_hash.is_not(None),
    PersonRow.oidc_subject.is_not(None),
)


async def find(session: AsyncSession, statement: TypedReturnsRows[Any]) -> Person | None:
    """The person of a statement that returns at most one row, with `COLUMNS`."""
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else _from_row(row)


async def create(
    session: AsyncSession, name: str, role: Role, password_hash: str | None = None, identity: Identity | None = None
) -> Person:
    """Raises PersonExistsError."""
    values: dict[str, Any] = {"name": name, "role": role.value, "password_hash": password_hash}
    if identity is not None:
        values |= {"oidc_issuer": identity.issuer, "oidc_subject": identity.subject}
    new = insert(PersonRow).values(values).on_conflict_do_nothing(index_elements=[PersonRow.name])
    created = await find(session, new.returning(*COLUMNS))
    if created is None:
        raise PersonExistsError(name)
    return created


async def get(session: AsyncSession, person_id: int) -> Person:
    """Raises PersonNotFoundError."""
    return await _one(session, select(*COLUMNS).where(PersonRow.id == person_id))


async def by_name(session: AsyncSession, name: str) -> Person:
    """The person of a name as it is typed, whichever Unicode form that has. Raises PersonNotFoundError."""
    exact = await find(session, select(*COLUMNS).where(PersonRow.name == name))
    return exact or await _one(session, select(*COLUMNS).where(PersonRow.name == spelling(name)))


async def by_identity(session: AsyncSession, identity: Identity) -> Person | None:
    """The person who is linked to the identity."""
    mine = (PersonRow.oidc_issuer == identity.issuer) & (PersonRow.oidc_subject == identity.subject)
    return await find(session, select(*COLUMNS).where(mine))


async def link(session: AsyncSession, email: str, identity: Identity) -> Person | None:
    """Link the identity to the person who has the address as a name, in any letter case, and no other way to log in.

    A person with a password stays unlinked: the owner of the address at the provider would take over the account.
    """
    waiting = select(PersonRow.id).where(
        func.lower(PersonRow.name) == email.lower(),
        PersonRow.password_hash.is_(None),
        PersonRow.oidc_subject.is_(None),
        PersonRow.disabled_at.is_(None),
    )
    first = waiting.order_by(PersonRow.id).limit(1).with_for_update().scalar_subquery()
    linked = update(PersonRow).where(PersonRow.id == first)
    linked = linked.values(oidc_issuer=identity.issuer, oidc_subject=identity.subject)
    return await find(session, linked.returning(*COLUMNS))


async def password_hash(session: AsyncSession, name: str) -> tuple[int, str] | None:
    """The id and the password hash of the person with this name, if they may log in with a password."""
    mine = (PersonRow.name == name) & PersonRow.password_hash.is_not(None) & PersonRow.disabled_at.is_(None)
    row = (await session.execute(select(PersonRow.id, PersonRow.password_hash).where(mine))).one_or_none()
    return None if row is None else (row[0], str(row[1]))


async def lock_unchanged(session: AsyncSession, person_id: int, hash_: str | None = None) -> bool:
    """Whether the person is enabled, and `hash_` is still their password hash; if so it stays so until the transaction ends.

    A session that is created in the transaction is then either refused, or ended by the change of the password that follows.
    """
    enabled = select(PersonRow.id).where(PersonRow.id == person_id, PersonRow.disabled_at.is_(None))
    if hash_ is not None:
        enabled = enabled.where(PersonRow.password_hash == hash_)
    return await session.scalar(enabled.with_for_update(read=True)) is not None


async def list_all(session: AsyncSession) -> list[Person]:
    """All people by name."""
    return [_from_row(row) for row in await session.execute(select(*COLUMNS).order_by(PersonRow.name))]


async def any_exists(session: AsyncSession) -> bool:
    return bool(await session.scalar(select(exists(select(PersonRow.id)))))


async def any_password(session: AsyncSession) -> bool:
    """Whether anyone may log in with a password."""
    able = select(PersonRow.id).where(PersonRow.password_hash.is_not(None), PersonRow.disabled_at.is_(None))
    return bool(await session.scalar(select(exists(able))))


async def set_role(session: AsyncSession, person_id: int, role: Role) -> Person:
    """Raises PersonNotFoundError."""
    return await _change(session, person_id, role=role.value)


async def set_password_hash(session: AsyncSession, person_id: int, hash_: str) -> Person:
    """Raises PersonNotFoundError."""
    return await _change(session, person_id, password_hash=hash_)


async def set_disabled(session: AsyncSession, person_id: int, disabled: bool) -> Person:
    """Raises PersonNotFoundError."""
    moment = func.coalesce(PersonRow.disabled_at, func.now()) if disabled else None
    return await _change(session, person_id, disabled_at=moment)


async def delete_person(session: AsyncSession, person_id: int) -> None:
    """Delete the account with its sessions, keys and shares; its conversations lose their owner.

    Raises PersonNotFoundError.
    """
    gone = delete(PersonRow).where(PersonRow.id == person_id).returning(PersonRow.id)
    if await session.scalar(gone) is None:
        raise PersonNotFoundError


def _from_row(row: Sequence[Any]) -> Person:
    """A person from a row of `COLUMNS`."""
    id_, name, role, *others = row
    return Person(id_, name, Role(role), *others)


async def _one(session: AsyncSession, statement: TypedReturnsRows[Any]) -> Person:
    person = await find(session, statement)
    if person is None:
        raise PersonNotFoundError
    return person


async def _change(session: AsyncSession, person_id: int, **values: Any) -> Person:
    return await _one(session, update(PersonRow).where(PersonRow.id == person_id).values(**values).returning(*COLUMNS))
