"""Log in with OpenID Connect."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Role
from pipeline.names import MAX_CHARS
from services.access import audit
from services.access.logins import Login, Logins
from services.access.openid_provider import Attempt, Claims, OpenIDProvider
from settings import Settings
from storage.access import people, tickets
from storage.access.people import Person, PersonExistsError
from storage.postgres.database import Database

OPENID = "openid"
"""Purpose of the ticket that makes the state of a login valid once, on any replica."""
ATTEMPT_LIFETIME = timedelta(minutes=10)
"""Time to log in at the provider."""


class OpenIDRefusedError(Exception):
    """The login is refused; the message says what to do."""


class OpenIDLogin:
    """People who may log in: those linked to the identity; those with its verified e-mail address as name and without another
    way to log in, who are linked now; and with OIDC_DEFAULT_ROLE everyone that the provider authenticates.
    """

    def __init__(self, settings: Settings, database: Database, logins: Logins) -> None:
        self.enabled = settings.oidc_issuer is not None
        self._default_role = settings.oidc_default_role
        self._provider = OpenIDProvider(settings)
        self._database = database
        self._logins = logins

    async def start(self, redirect_uri: str) -> tuple[Attempt, str]:
        """A new attempt, and where the browser goes. Raises ProviderError, TooManyAttemptsError."""
        await self._logins.limit.count()
        async with self._database.session() as session:
            state = await tickets.issue(session, OPENID, ATTEMPT_LIFETIME)
        attempt = Attempt.new(state)
        return attempt, await self._provider.authorization_url(attempt, redirect_uri)

    async def finish(self, attempt: Attempt | None, state: str, code: str, redirect_uri: str) -> Login:
        """Log in the person that the provider let in. Raises OpenIDRefusedError, ProviderError."""
        async with self._database.session() as session:
            valid = await tickets.redeem(session, state, OPENID) is not None
        if attempt is None or attempt.state != state or not valid:
            raise OpenIDRefusedError("This login was not started in this browser, took too long or was used; start it again.")
        claims = await self._provider.identify(attempt, redirect_uri, code)
        async with self._database.session() as session:
            person = await self._person(session, claims)
            if person is not None:
                return await self._logins.open_session(session, person)
        raise OpenIDRefusedError("You have no account here: ask an administrator to create one with your e-mail address.")

    async def _person(self, session: AsyncSession, claims: Claims) -> Person | None:
        person = await people.by_identity(session, claims.identity)
        if person is None and claims.email is not None:
            person = await people.link(session, claims.email, claims.identity)
        if person is None and self._default_role is not None:
            return await self._newcomer(session, claims, self._default_role)
        return person if person is not None and await people.lock_unchanged(session, person.id) else None

    @staticmethod
    async def _newcomer(session: AsyncSession, claims: Claims, role: Role) -> Person:
        # A name that the person chose could be that of a person that an administrator is about to give access to.
        name = claims.email or f"{claims.name or 'openid'} ({claims.identity.subject})"
        name = "".join(character for character in name if character.isprintable())[:MAX_CHARS]
        try:
            person = await people.create(session, name, role, identity=claims.identity)
        except PersonExistsError as error:
            raise OpenIDRefusedError("Another account has your e-mail address as its name: ask an administrator.") from error
        await audit.record(session, "person.create", f"person:{person.id}")
        return person
