"""Remove a person's name from hot words of the installation, of transcripts and of requests, and from prompts of requests."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.checkpoint import ChosenHotwords
from pipeline.hotwords import as_hotword, hotwords_of, text_of
from pipeline.identity.erased_person import mentions
from pipeline.names import key
from storage.tables import Conversation, JobRow, JobStageRow, VocabularyRow
from storage.tables.names import key_of


async def remove(session: AsyncSession, names: Collection[str]) -> None:
    """The caller holds `storage.speakers.speakers.lock`."""
    await _clean_requests(session, names)
    spoken = {as_hotword(name) for name in names} - {""}  # of a name of separators alone
    parts = [key(name) for name in spoken]
    if not parts:
        return
    for table in (Conversation, VocabularyRow):
        word = func.unnest(table.hotwords).column_valued("word")
        named = select(word).where(or_(*(func.strpos(key_of(word), part) > 0 for part in parts))).exists()
        for id_, words in (await session.execute(select(table.id, table.hotwords).where(named))).all():
            kept = [word for word in words if not mentions(word, spoken)]
            await session.execute(update(table).where(table.id == id_).values(hotwords=kept))
    # A running attempt has them in memory; what it stores is checked again (`services.identity.transcripts`).
    chosen = JobStageRow.stage == ChosenHotwords.stage
    content = or_(*(func.strpos(key_of(JobStageRow.result), part) > 0 for part in parts))
    await session.execute(delete(JobStageRow).where(chosen, content))


async def _clean_requests(session: AsyncSession, names: Collection[str]) -> None:
    """What requests chose for jobs, which a retry copies, and for live recordings that are not finished.

    Jobs are first: a worker that reports its progress locks its job before its conversation.
    """
    options, live = JobRow.options, type_coerce(Conversation.live_decoding, JSONB)
    of_job = (func.jsonb_extract_path_text(options, "decoding", field) for field in ("hotwords", "initial_prompt"))
    jobs = select(JobRow.id, options).where(_contain(of_job, names)).order_by(JobRow.id)
    for id_, found in (await session.execute(jobs.with_for_update())).all():
        kept = {**found, "decoding": _without(found["decoding"], names)}
        await session.execute(update(JobRow).where(JobRow.id == id_).values(options=kept))
    of_live = (func.jsonb_extract_path_text(live, field) for field in ("hotwords", "initial_prompt"))
    recordings = select(Conversation.id, live).where(_contain(of_live, names)).order_by(Conversation.id)
    for id_, found in (await session.execute(recordings.with_for_update())).all():
        changed = update(Conversation).where(Conversation.id == id_)
        await session.execute(changed.values(live_decoding=type_coerce(_without(found, names), JSONB)))


def _contain(texts: Iterable[ColumnElement[str]], names: Collection[str]) -> ColumnElement[bool]:
    parts = sorted(map(key, _forms(names)))
    return or_(*(func.strpos(key_of(text), part) > 0 for text in texts for part in parts))


def _forms(names: Collection[str]) -> set[str]:
    """The names as they are written in prompts, and as hot words."""
    return {form for name in names for form in (name, as_hotword(name)) if form}


def _without(decoding: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A stored `Decoding` without the hot words that mention a name, and without a prompt that does."""
    forms = _forms(names)
    words = [word for word in hotwords_of(decoding.get("hotwords", "")) if not mentions(word, forms)]
    prompt = decoding.get("initial_prompt", "")
    return {**decoding, "hotwords": text_of(words), "initial_prompt": "" if mentions(prompt, forms) else prompt}
