"""Log in with a password, log out, and who is logged in."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal
from services.access import audit, passwords
from services.access.actor import act_for, actor
from services.access.login_limit import LoginLimit, of_account
from services.access.passwords import PasswordHasher
from settings import Settings
from storage.access import login_attempts, people, sessions, tickets
from storage.access.people import Person
from storage.postgres.database import Database


class LoginRefusedError(Exception):
    """The same for all reasons, so that no answer shows which accounts exist."""

    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.")


class NoPasswordError(Exception):
    """The account has no password to change."""

    def __init__(self) -> None:
        super().__init__("This account has no password: log in with OpenID Connect, or ask an administrator to set one.")


@dataclass(frozen=True, slots=True)
class Login:
    person: Person
    token: str
    """For the cookie."""


def principal_of(person: Person) -> Principal:
    return Principal(f"person:{person.id}", person.role, person.id)


class Logins:
    """Sessions of people in browsers."""

    def __init__(self, settings: Settings, database: Database, hasher: PasswordHasher) -> None:
        self.limit = LoginLimit(database)
        self._lifetime = timedelta(days=settings.session_days)
        self._database = database
        self._hasher = hasher

    async def login(self, name: str, password: str) -> Login:
        """Raises LoginRefusedError, TooManyAttemptsError."""
        await self.limit.count(name)
        async with self._database.session() as session:
            found = await people.password_hash(session, name)
        person_id, hash_ = found or (None, None)
        matching, renewed = await self._hasher.matches(password, hash_)
        async with self._database.session() as session:
            # The password may have changed while it was hashed.
            if matching and person_id is not None and await people.lock_unchanged(session, person_id, hash_):
                if renewed is not None:
                    await people.set_password_hash(session, person_id, renewed)
                await login_attempts.forget(session, [of_account(name)])
                return await self.open_session(session, await people.get(session, person_id))
            if person_id is not None:  # which account; every refused request is recorded without it
                await audit.record(session, "login", f"person:{person_id}", audit.DENIED)
        raise LoginRefusedError

    async def open_session(self, session: AsyncSession, person: Person) -> Login:
        """Log the person in; the transaction has locked the person's row. Deletes what has expired."""
        await sessions.purge_expired(session)
        await tickets.purge_expired(session)
        await login_attempts.purge_ended(session)
        act_for(replace(actor(), principal=principal_of(person)))
        await audit.record(session, "login", f"person:{person.id}")
        return Login(person, await sessions.create(session, person.id, self._lifetime))

    async def with_password(self) -> bool:
        """Whether anyone logs in with a password."""
        async with self._database.session() as session:
            return await people.any_password(session)

    async def logout(self, token: str) -> None:
        async with self._database.session() as session:
            await sessions.end(session, token)
            await audit.record(session, "logout")

    async def principal(self, token: str) -> Principal | None:
        """The principal of the session, with the present role; None where it has ended or the account is disabled."""
        async with self._database.session() as session:
            person = await sessions.person_of(session, token)
        return None if person is None else principal_of(person)

    async def change_own_password(self, current: str, new: str, token: str | None) -> None:
        """Set a new password for the person of the request, and end all sessions of the person but that of `token`.

        Raises LoginRefusedError, NoPasswordError, TooManyAttemptsError, UnsuitablePasswordError.
        """
        person_id = actor().principal.person_id
        if person_id is None:
            raise NoPasswordError
        async with self._database.session() as session:
            person = await people.get(session, person_id)
            found = await people.password_hash(session, person.name)
        if found is None:
            raise NoPasswordError
        passwords.check(new, person.name)
        await self.limit.count(person.name)
        matching, _ = await self._hasher.matches(current, found[1])
        hash_ = await self._hasher.hash(new)
        async with self._database.session() as session:
            if not (matching and await people.lock_unchanged(session, person_id, found[1])):
                raise LoginRefusedError
            await people.set_password_hash(session, person_id, hash_)
            await sessions.end_all(session, person_id, except_token=token)
            await audit.record(session, "person.password", f"person:{person_id}")
