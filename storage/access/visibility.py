"""Which conversations a principal sees: the one condition that every query over conversations has.

Speakers are shared by the installation: their names and counts are visible to all, what they say only with its conversation.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal, Visibility
from storage.postgres.conditions import one_of
from storage.tables import Conversation, ConversationShare, JobRow, SegmentRow


def visible_to(viewer: Principal) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a statement with `Conversation`, for `where`. None for a viewer who sees everything."""
    if viewer.sees_everything:
        return ()
    if viewer.person_id is None:
        return (Conversation.visibility == Visibility.EVERYONE,)
    return (_seen_by(viewer.person_id),)


def _seen_by(person_id: Any) -> ColumnElement[bool]:
    """`person_id` is a value or a column."""
    shared = select(ConversationShare.conversation_id).where(ConversationShare.person_id == person_id)
    is_shared = and_(Conversation.visibility == Visibility.SHARED, Conversation.id.in_(shared))
    return or_(Conversation.visibility == Visibility.EVERYONE, Conversation.owner_id == person_id, is_shared)


async def seen_by_people(
    session: AsyncSession, ids: Collection[int], people: Collection[int | None]
) -> set[tuple[int | None, int]]:
    """Which of the people sees which of the conversations; None is a viewer that is no person."""
    if not ids or not people:
        return set()
    person = func.unnest(cast(list(people), ARRAY(Integer))).column_valued("person")
    found = select(person, Conversation.id).join(Conversation, _seen_by(person)).where(one_of(Conversation.id, list(ids)))
    return {(person_id, id_) for person_id, id_ in await session.execute(found)}


def in_visible(viewer: Principal, conversation_id: Any) -> tuple[ColumnElement[bool], ...]:
    """The same for a statement without `Conversation`, on its column with a conversation's id."""
    conditions = visible_to(viewer)
    return (conversation_id.in_(select(Conversation.id).where(*conditions)),) if conditions else ()


def ownership(creator: Principal) -> dict[str, Any]:
    """The values of a new conversation. One without an owner is for everyone, as on a machine with a single user."""
    if creator.person_id is None:
        return {"owner_id": None, "visibility": Visibility.EVERYONE}
    return {"owner_id": creator.person_id, "visibility": Visibility.PRIVATE}


async def sees_conversations(session: AsyncSession, viewer: Principal, ids: Collection[int]) -> bool:
    """Whether the viewer sees all of them. One that does not exist is seen only by those who see everything."""
    if viewer.sees_everything or not ids:
        return True
    return await visible_among(session, viewer, ids) == set(ids)


async def visible_among(session: AsyncSession, viewer: Principal, ids: Collection[int]) -> set[int]:
    """Those of the conversations that exist and that the viewer sees."""
    found = select(Conversation.id).where(one_of(Conversation.id, list(ids)), *visible_to(viewer))
    return set(await session.scalars(found))


async def sees_segment(session: AsyncSession, viewer: Principal, segment_id: int) -> bool:
    """The same for a segment."""
    return await _sees(session, viewer, SegmentRow, segment_id)


async def sees_job(session: AsyncSession, viewer: Principal, job_id: int) -> bool:
    """The same for a job."""
    return await _sees(session, viewer, JobRow, job_id)


async def _sees(session: AsyncSession, viewer: Principal, table: type[SegmentRow] | type[JobRow], id_: int) -> bool:
    if viewer.sees_everything:
        return True
    found = select(table.id).join(Conversation, table.conversation_id == Conversation.id)
    return await session.scalar(found.where(table.id == id_, *visible_to(viewer))) is not None
