"""API keys: made, found by their hash, listed, revoked. A key is shown once, when it is made; only its hash is stored."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Role
from storage.access.tokens import new_token, token_hash
from storage.tables import ApiKey, Person

PREFIX = "vv_"
"""By which people and secret scanners recognise a key."""
SHOWN_CHARACTERS = len(PREFIX) + 6
"""Of a key in lists: 36 of its 256 bits."""
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
"""32 bytes in URL-safe base64."""
FIRST_KEY_LOCK = 0x76766B65  # "vvke"; the key of an advisory lock
TOUCH_INTERVAL = text("interval '1 minute'")
"""`last_used_at` is written at most this often."""


class KeyNotFoundError(LookupError):
    """There is no such key, or it was revoked before."""

    def __init__(self, key_id: int) -> None:
        super().__init__(f"There is no API key {key_id} that could be revoked; `vivavoce keys list` shows them.")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as lists show it."""

    id: int
    name: str
    prefix: str
    role: Role
    person_id: int | None
    person: str | None
    """The owner's name."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ValidKey:
    """What a valid key allows."""

    id: int
    role: Role
    """The key's own, but never more than its owner's."""
    person_id: int | None
    expires_at: datetime | None


_COLUMNS: tuple[Any, ...] = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.prefix,
    ApiKey.role,
    ApiKey.person_id,
    Person.name.label("person"),
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.last_used_at,
    ApiKey.revoked_at,
)
_VALID = and_(
    ApiKey.revoked_at.is_(None),
    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
    Person.disabled_at.is_(None),
)


def is_key(text_: str) -> bool:
    """Whether it has the form of a key."""
    return FORM.fullmatch(text_) is not None


async def create(
    session: AsyncSession, name: str, role: Role, person_id: int | None = None, expires_at: datetime | None = None
) -> tuple[str, Key]:
    """Store a new key; returns it, and what lists show of it."""
    key = PREFIX + new_token()
    values: dict[str, Any] = {"name": name, "role": role.value, "person_id": person_id, "expires_at": expires_at}
    new = insert(ApiKey).values(values | {"prefix": key[:SHOWN_CHARACTERS], "hash": token_hash(key)}).returning(ApiKey.id)
    id_ = (await session.execute(new)).scalar_one()
    return key, _key((await session.execute(_all().where(ApiKey.id == id_))).one())


async def list_all(session: AsyncSession) -> list[Key]:
    """Oldest first; also the revoked and expired ones."""
    return [_key(row) for row in await session.execute(_all().order_by(ApiKey.id))]


async def revoke(session: AsyncSession, key_id: int) -> Key:
    """Raises KeyNotFoundError."""
    revoked = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now())
    if await session.scalar(revoked.returning(ApiKey.id)) is None:
        raise KeyNotFoundError(key_id)
    return _key((await session.execute(_all().where(ApiKey.id == key_id))).one())


async def find(session: AsyncSession, key: str) -> ValidKey | None:
    """What the key allows; None if it is unknown, revoked or expired, or its owner is disabled."""
    return await _find(session, ApiKey.hash == token_hash(key))


async def find_by_id(session: AsyncSession, key_id: int) -> ValidKey | None:
    """The same, for the key with this id."""
    return await _find(session, ApiKey.id == key_id)


async def touch(session: AsyncSession, key_id: int) -> None:
    """Set the time of the last use, unless that was less than a minute ago."""
    old = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - TOUCH_INTERVAL)
    await session.execute(update(ApiKey).where(ApiKey.id == key_id, old).values(last_used_at=func.now()))


async def lock(session: AsyncSession) -> None:
    """Wait until no other transaction holds this lock, under which a program writes its first key."""
    await session.execute(select(func.pg_advisory_xact_lock(FIRST_KEY_LOCK)))


async def any_credential(session: AsyncSession) -> bool:
    """Whether there is a valid key or an enabled account. A server that requires a login cannot be used without one."""
    key = select(ApiKey.id).outerjoin(Person, Person.id == ApiKey.person_id).where(_VALID)
    person = select(Person.id).where(Person.disabled_at.is_(None))
    return bool(await session.scalar(select(or_(exists(key), exists(person)))))


def _all() -> Select[Any]:
    return select(*_COLUMNS).outerjoin(Person, Person.id == ApiKey.person_id)


def _key(row: Row[Any]) -> Key:
    values = dict(row._mapping)
    return Key(**values | {"role": Role(values["role"])})


async def _find(session: AsyncSession, condition: ColumnElement[bool]) -> ValidKey | None:
    columns = (ApiKey.id, ApiKey.role, Person.role, ApiKey.person_id, ApiKey.expires_at)
    found = select(*columns).outerjoin(Person, Person.id == ApiKey.person_id).where(condition, _VALID)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return None
    role = Role(row[1])
    if row[2] is not None and not Role(row[2]).includes(role):
        role = Role(row[2])
    return ValidKey(row[0], role, row[3], row[4])
