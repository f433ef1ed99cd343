"""Stored summaries, and templates that people added."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.erased_person import mentions
from pipeline.summary.content import Content
from pipeline.summary.templates import DEFAULT, Template
from storage.conversations.conversations import NOT_FOUND
from storage.jobs import jobs, summary_queue
from storage.jobs.options import JobOptions
from storage.postgres.conditions import one_of
from storage.tables import Conversation, JobRow, ParticipantRow, SegmentRow, Speaker, SummaryRow, SummaryTemplate


@dataclass(frozen=True, slots=True)
class StoredSummary:
    content: Content
    dropped: int
    model: str
    prompt_version: int
    template: str
    fingerprint: str
    created_at: datetime


async def fingerprint(session: AsyncSession, conversation_id: int) -> str:
    """Of the texts of all segments and the names of those who speak them: it changes when one of these does."""
    name = func.coalesce(Speaker.name, func.concat("participant ", ParticipantRow.id))
    each = cast(func.jsonb_build_array(SegmentRow.id, SegmentRow.text, name), Text)
    text = func.coalesce(func.string_agg(each, aggregate_order_by(literal("\n"), SegmentRow.position)), "")
    found = (
        select(func.encode(func.sha256(func.convert_to(text, "UTF8")), "hex"))
        .select_from(SegmentRow)
        .join(ParticipantRow, ParticipantRow.id == SegmentRow.participant_id)
        .outerjoin(Speaker, Speaker.id == ParticipantRow.speaker_id)
        .where(SegmentRow.conversation_id == conversation_id)
    )
    return str(await session.scalar(found))


async def enqueue(
    session: AsyncSession, conversation_id: int, template: str | None, request_id: str = "", webhook_url: str | None = None
) -> int:
    """Queue a summary of a conversation, or change the template of the one that is queued. Returns the job's id.

    Without a template the one that is queued keeps its own. It gets the webhook's URL where it has none.

    Raises LookupError where there is no such conversation.
    """
    conversation = select(Conversation.duration).where(Conversation.id == conversation_id)
    found = (await session.execute(conversation.with_for_update(key_share=True))).one_or_none()  # one at a time decides
    if found is None:
        raise LookupError(NOT_FOUND)
    options = JobOptions(template=template or DEFAULT, request_id=request_id).model_dump(mode="json")
    if (queued := await summary_queue.queued(session, conversation_id)) is not None:
        chosen = {} if template is None else {"options": options}
        url = func.coalesce(JobRow.webhook_url, literal(webhook_url, Text))
        await session.execute(update(JobRow).where(JobRow.id == queued).values(**chosen, webhook_url=url))
        return queued
    return await jobs.insert_job(session, conversation_id, options, found.duration or 0.0, webhook_url, kind="summary")


async def store(
    session: AsyncSession,
    conversation_id: int,
    job_id: int,
    content: Content,
    *,
    dropped: int,
    model: str,
    prompt_version: int,
    template: str,
    fingerprint: str,
) -> None:
    """Store a summary in place of the one of an earlier job."""
    values: dict[str, Any] = {
        "job_id": job_id,
        "content": content.model_dump(mode="json"),
        "dropped": dropped,
        "model": model,
        "prompt_version": prompt_version,
        "template": template,
        "fingerprint": fingerprint,
    }
    new = insert(SummaryRow).values(conversation_id=conversation_id, **values)
    newer = SummaryRow.job_id <= new.excluded.job_id
    changed = {**values, "created_at": func.now()}
    await session.execute(new.on_conflict_do_update(index_elements=[SummaryRow.conversation_id], set_=changed, where=newer))


async def get(session: AsyncSession, conversation_id: int) -> StoredSummary | None:
    columns = (getattr(SummaryRow, name) for name in StoredSummary.__slots__)
    row = (await session.execute(select(*columns).where(SummaryRow.conversation_id == conversation_id))).one_or_none()
    return None if row is None else StoredSummary(**row._asdict() | {"content": Content.model_validate(row.content)})


async def erase_person(session: AsyncSession, participants: Collection[int], names: Collection[str]) -> None:
    """Delete the summaries of conversations in which a person speaks, and others that name the person, with titles that do.

    Statements are in the model's words, so no part of them is known to be free of the person.
    """
    spoken = select(ParticipantRow.conversation_id).where(one_of(ParticipantRow.id, sorted(participants)))
    await session.execute(delete(SummaryRow).where(SummaryRow.conversation_id.in_(spoken)))
    if not names:
        return
    rows = await session.execute(select(SummaryRow.conversation_id, SummaryRow.content))
    naming = [id_ for id_, content in rows if any(mentions(text, names) for text in Content.model_validate(content).texts())]
    await session.execute(delete(SummaryRow).where(one_of(SummaryRow.conversation_id, naming)))
    titled = await session.execute(select(Conversation.id, Conversation.title).where(Conversation.title_source == "program"))
    named = [id_ for id_, title in titled if mentions(title or "", names)]
    plain = func.to_char(func.timezone("UTC", Conversation.start_time), "YYYY-MM-DD HH24:MI")
    untitled = update(Conversation).where(one_of(Conversation.id, named))
    await session.execute(untitled.values(title=func.concat("Conversation ", plain), title_source="default"))


async def templates(session: AsyncSession) -> Sequence[Template]:
    """Those that people added, by name."""
    rows = await session.execute(select(SummaryTemplate.name, SummaryTemplate.instructions).order_by(SummaryTemplate.name))
    return [Template(*row) for row in rows]


async def put_template(session: AsyncSession, template: Template) -> None:
    new = insert(SummaryTemplate).values(name=template.name, instructions=template.instructions)
    await session.execute(
        new.on_conflict_do_update(index_elements=[SummaryTemplate.name], set_={"instructions": template.instructions})
    )


async def delete_template(session: AsyncSession, name: str) -> None:
    """Raises LookupError where there is no such template."""
    gone = delete(SummaryTemplate).where(SummaryTemplate.name == name).returning(SummaryTemplate.name)
    if await session.scalar(gone) is None:
        raise LookupError(f"There is no template {name!r} that was added.")


async def last_job(session: AsyncSession, conversation_id: int) -> jobs.Job | None:
    """The latest job that summarises the conversation."""
    found = select(func.max(JobRow.id)).where(JobRow.conversation_id == conversation_id, JobRow.kind == "summary")
    id_ = await session.scalar(found)
    return None if id_ is None else await jobs.get(session, id_)
