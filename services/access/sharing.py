"""Sharing of conversations: by their owners and by administrators.

Sharing gives sight; what a person may do with a conversation that they see follows from their role. A writer corrects it, a
reader reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.access import Principal, Visibility
from services.access import audit
from services.access.actor import actor
from services.errors import NotAllowedError
from storage.access import people
from storage.access.people import Person
from storage.conversations import sharing
from storage.conversations.sharing import Sharing
from storage.postgres.database import Database


class SharingError(ValueError):
    """The values contradict each other; the message says how."""


@dataclass(frozen=True, slots=True)
class Change:
    """None leaves a value as it is."""

    visibility: Visibility | None = None
    people: Sequence[int] | None = None
    owner: int | None = None


async def read(database: Database, conversation_id: int) -> tuple[Sharing, Sequence[Person]]:
    """Who sees the conversation, and the accounts that it can be shared with. Raises LookupError, NotAllowedError."""
    async with database.session() as session:
        found = await sharing.get(session, conversation_id)
        _check(found)
        accounts = await people.list_all(session)
    concerned = {found.owner, *found.people}
    return found, [person for person in accounts if not person.disabled or person.id in concerned]


async def change(database: Database, conversation_id: int, wanted: Change) -> Sharing:
    """Returns the new state. Raises LookupError, NotAllowedError, NoSuchPersonError, SharingError."""
    async with database.session() as session:
        found = await sharing.get(session, conversation_id, lock=True)
        principal = _check(found)
        if wanted.owner not in (None, found.owner) and not principal.sees_everything:
            raise NotAllowedError("Only an administrator may give a conversation to another owner.")
        await sharing.put(session, conversation_id, _changed(found, wanted))
        await audit.record(session, "conversation.share", f"conversation:{conversation_id}")
        return await sharing.get(session, conversation_id)


def _check(found: Sharing) -> Principal:
    principal = actor().principal
    owns = principal.person_id is not None and principal.person_id == found.owner
    if not owns and not principal.sees_everything:
        raise NotAllowedError("Only its owner and administrators may see or change who a conversation is shared with.")
    return principal


def _changed(found: Sharing, wanted: Change) -> Sharing:
    visibility = wanted.visibility or (Visibility.SHARED if wanted.people else found.visibility)
    if wanted.people and visibility is not Visibility.SHARED:
        raise SharingError(f"The visibility {visibility.value} has no list of people: leave it out, or choose shared.")
    people = found.people if wanted.people is None else wanted.people
    shared = visibility is Visibility.SHARED
    return Sharing(found.owner if wanted.owner is None else wanted.owner, visibility, people if shared else ())
