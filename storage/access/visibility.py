"""Which conversations a principal sees: the one condition that every query over conversations has.

Speakers are shared by the installation: their names and counts are visible to all, what they say only with its conversation.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.access import Principal, Visibility
from storage.tables import Conversation, ConversationShare, JobRow, SegmentRow


def visible_to(viewer: Principal) -> tuple[ColumnElement[bool], ...]:
    """Conditions on a statement with `Conversation`, for `where`. None for a viewer who sees everything."""
    if viewer.sees_everything:
        return ()
    seen: ColumnElement[bool] = Conversation.visibility == Visibility.EVERYONE
    if viewer.person_id is not None:
        shared = select(ConversationShare.conversation_id).where(ConversationShare.person_id == viewer.person_id)
        is_shared = and_(Conversation.visibility == Visibility.SHARED, Conversation.id.in_(shared))
        seen = or_(seen, Conversation.owner_id == viewer.person_id, is_shared)
    return (seen,)


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
    found = select(func.count()).select_from(Conversation).where(Conversation.id.in_(ids), *visible_to(viewer))
    return (await session.execute(found)).scalar_one() == len(set(ids))


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
