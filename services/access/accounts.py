"""What administrators do with accounts, and how the first account is created."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal, Role
from services.access import audit, passwords
from services.access.actor import actor
from services.access.logins import Login, Logins
from services.access.passwords import PasswordHasher
from storage.access import people, sessions, tickets
from storage.access.people import Person
from storage.postgres.database import Database

FIRST_ACCOUNT = "first_account"
"""Purpose of the ticket with which the first account is created."""
FIRST_ACCOUNT_LIFETIME = timedelta(hours=1)


class OwnAccountError(Exception):
    """Administrators cannot lock themselves out, so that one of them remains."""

    def __init__(self) -> None:
        super().__init__(
            "This is your own account, which another administrator must change; change your password with POST /me/password."
        )


class FirstAccountError(Exception):
    """The ticket is not valid."""

    def __init__(self) -> None:
        super().__init__("The link is not valid any more; restart the program, which prints a new one if there is no account.")


class Accounts:
    def __init__(self, database: Database, hasher: PasswordHasher) -> None:
        self._database = database
        self._hasher = hasher

    async def name_of(self, principal: Principal) -> str | None:
        """The name of the person of a request."""
        if principal.person_id is None:
            return None
        async with self._database.session() as session:
            return (await people.get(session, principal.person_id)).name

    async def list_all(self) -> list[Person]:
        async with self._database.session() as session:
            return await people.list_all(session)

    async def by_name(self, name: str) -> Person:
        """Raises PersonNotFoundError."""
        async with self._database.session() as session:
            return await people.by_name(session, name)

    async def create(self, name: str, role: Role, password: str | None) -> Person:
        """Create an account. Without a password, the person logs in with OpenID Connect, by the address that is their name.

        Raises PersonExistsError, UnsuitablePasswordError.
        """
        hash_ = await self._checked_hash(password, name)
        async with self._database.session() as session:
            return await self._create(session, name, role, hash_)

    async def change(
        self, person_id: int, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None
    ) -> Person:
        """Change what is not None. A new password, or disabling, ends all sessions of the person.

        Raises PersonNotFoundError, OwnAccountError, UnsuitablePasswordError.
        """
        kept = role in (None, Role.ADMIN) and not disabled and password is None
        if person_id == actor().principal.person_id and not kept:
            raise OwnAccountError
        async with self._database.session() as session:
            person = await people.get(session, person_id)
        hash_ = await self._checked_hash(password, person.name)
        async with self._database.session() as session:
            if role is not None:
                person = await people.set_role(session, person_id, role)
                await audit.record(session, "person.role", f"person:{person_id}")
            if disabled is not None:
                person = await people.set_disabled(session, person_id, disabled)
                await audit.record(session, "person.disable" if disabled else "person.enable", f"person:{person_id}")
            if hash_ is not None:
                person = await people.set_password_hash(session, person_id, hash_)
                await audit.record(session, "person.password", f"person:{person_id}")
            if disabled or hash_ is not None:
                await sessions.end_all(session, person_id)
        return person

    async def delete(self, person_id: int) -> None:
        """Raises PersonNotFoundError, OwnAccountError."""
        if person_id == actor().principal.person_id:
            raise OwnAccountError
        async with self._database.session() as session:
            await people.delete_person(session, person_id)
            await audit.record(session, "person.delete", f"person:{person_id}")

    async def first_account_ticket(self) -> str | None:
        """A ticket to create the first account with, instead of earlier ones; None where there are accounts."""
        async with self._database.session() as session:
            await tickets.withdraw(session, FIRST_ACCOUNT)
            if await people.any_exists(session):
                return None
            return await tickets.issue(session, FIRST_ACCOUNT, FIRST_ACCOUNT_LIFETIME)

    async def create_first(self, logins: Logins, ticket: str, name: str, password: str) -> Login:
        """Create the first account, an administrator, and log in.

        Raises FirstAccountError, TooManyAttemptsError, UnsuitablePasswordError.
        """
        await logins.limit.count()
        hash_ = await self._checked_hash(password, name)
        async with self._database.session() as session:
            # Deleting the row of the only ticket excludes a second request with it.
            if await tickets.redeem(session, ticket, FIRST_ACCOUNT) is None or await people.any_exists(session):
                raise FirstAccountError
            return await logins.open_session(session, await self._create(session, name, Role.ADMIN, hash_))

    async def _checked_hash(self, password: str | None, name: str) -> str | None:
        if password is None:
            return None
        passwords.check(password, name)
        return await self._hasher.hash(password)

    @staticmethod
    async def _create(session: AsyncSession, name: str, role: Role, hash_: str | None) -> Person:
        person = await people.create(session, name, role, hash_)
        await audit.record(session, "person.create", f"person:{person.id}")
        return person
