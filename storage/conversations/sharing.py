"""Who owns a conversation and who sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Visibility
from storage.conversations.conversations import NOT_FOUND
from storage.tables import Conversation, ConversationShare, Person


class NoSuchPersonError(ValueError):
    """There is no account with this id."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(f"There is no person with the id {', '.join(map(str, ids))}.")


@dataclass(frozen=True, slots=True)
class Sharing:
    owner: int | None
    """A person's id; None where the conversation has no owner."""
    visibility: Visibility
    people: Sequence[int]
    """Those it is shared with; empty unless the visibility is `SHARED`."""


async def get(session: AsyncSession, conversation_id: int, *, lock: bool = False) -> Sharing:
    """Raises LookupError."""
    found = select(Conversation.owner_id, Conversation.visibility).where(Conversation.id == conversation_id)
    row = (await session.execute(found.with_for_update(key_share=True) if lock else found)).one_or_none()
    if row is None:
        raise LookupError(NOT_FOUND)
    shares = select(ConversationShare.person_id).where(ConversationShare.conversation_id == conversation_id)
    people = (await session.scalars(shares.order_by(ConversationShare.person_id))).all()
    return Sharing(row.owner_id, Visibility(row.visibility), people)


async def put(session: AsyncSession, conversation_id: int, sharing: Sharing) -> None:
    """Replace who owns and who sees the conversation. The caller has locked it with `get`. Raises NoSuchPersonError."""
    concerned = {*sharing.people} | ({sharing.owner} if sharing.owner is not None else set())
    known = set(await session.scalars(select(Person.id).where(Person.id.in_(concerned))))
    if unknown := sorted(concerned - known):
        raise NoSuchPersonError(unknown)
    values = {"owner_id": sharing.owner, "visibility": sharing.visibility}
    await session.execute(update(Conversation).where(Conversation.id == conversation_id).values(values))
    await session.execute(delete(ConversationShare).where(ConversationShare.conversation_id == conversation_id))
    if sharing.people:
        rows = [{"conversation_id": conversation_id, "person_id": person} for person in sorted(set(sharing.people))]
        await session.execute(insert(ConversationShare), rows)
