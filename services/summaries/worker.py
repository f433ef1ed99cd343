"""Work on summaries: claims their jobs, calls the language model, and stores its answers."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.summary import people, prompts, templates
from pipeline.summary.check import Checked
from pipeline.summary.content import Content
from pipeline.summary.lines import Line, numbered
from pipeline.summary.templates import Template
from services.llm.errors import LlmError
from services.llm.model import LanguageModel
from services.queue_worker import QueueWorker
from services.runtime import Runtime
from services.summaries import without_model
from services.summaries.summarizer import Kept, Task, summarise
from storage import summaries
from storage.conversations import conversations, segments, titles
from storage.jobs import jobs, stage_results
from storage.jobs.jobs import LEASE_S, Lease
from storage.postgres.database import Database
from storage.speakers import speakers

MAX_JOBS = 2
"""Summaries of one process at a time: most servers of language models answer few requests at once."""


class TranscriptChangedError(Exception):
    def __init__(self) -> None:
        super().__init__("The transcript or the names changed while the model read them.")


class SummaryWorker(QueueWorker):
    """Summarises conversations where a language model is set up."""

    FINAL: ClassVar[tuple[type[Exception], ...]] = (LlmError, LookupError)
    STOPPED: ClassVar[str] = "The request to the language model was stopped."

    def __init__(self, database: Database, runtime: Runtime, model: LanguageModel) -> None:
        super().__init__(database, runtime, asyncio.Event(), MAX_JOBS)
        self._model = model

    def start(self) -> None:
        if self._model.description is not None:
            super().start()

    async def _claim(self) -> Lease | None:
        if len(self._leases) >= self._max_jobs:
            return None
        async with self.database.session() as session:
            return await jobs.claim(session, self.name, kind="summary")

    async def _process(self, lease: Lease) -> None:
        id_ = lease.conversation_id
        async with self.database.session() as session:
            mark = await summaries.fingerprint(session, id_)  # before the segments: what changes in between makes it stale
            conversation = await conversations.summary(session, id_)
            lines = numbered(await segments.of_conversation(session, id_))
            template = await find_template(session, lease.options.template or templates.DEFAULT)
            found = await stage_results.read(session, lease)
            begun = {chapter.segment for chapter in await without_model.find_chapters(session, id_)}
        if conversation is None:
            raise LookupError(conversations.NOT_FOUND)
        if not lines:
            raise LookupError("The conversation has no text that could be summarised.")

        async def report(stage: str, fraction: float) -> None:
            await self.database.persist(lambda session: jobs.report(session, lease, stage, fraction), LEASE_S)

        async def store(key: str, result: str) -> None:
            stage = f"{mark}:{key}"  # of this transcript only
            await self.database.persist(lambda session: stage_results.store(session, lease, stage, result), LEASE_S)

        kept = Kept({key.removeprefix(f"{mark}:"): one for key, one in found.items() if key.startswith(mark)}, store)
        chapters = [line.number for line in lines if line.segment_id in begun]
        task = Task(lines, template.instructions, conversation.language, chapters)
        checked = await summarise(self._model, task, kept, report)
        await self._write(self._store, lease, with_references(checked, lines), template, mark)

    async def _store(self, session: AsyncSession, lease: Lease, checked: Checked, template: Template, fingerprint: str) -> None:
        id_ = lease.conversation_id
        await speakers.lock(session)  # an erasure is before or after this transaction
        if fingerprint != await summaries.fingerprint(session, id_):
            raise TranscriptChangedError
        title = checked.content.title
        if title:
            await titles.write(session, id_, people.to_names(title, await segments.names(session, id_)))
        await summaries.store(
            session,
            id_,
            lease.id,
            checked.content,
            dropped=checked.dropped,
            model=self._model.require().model,
            prompt_version=prompts.VERSION,
            template=template.name,
            fingerprint=fingerprint,
        )
        await jobs.finish(session, lease)  # last: where the lease is lost, the summary is rolled back


async def find_template(session: AsyncSession, name: str) -> Template:
    """Raises LookupError where there is no such template."""
    for template in (*await summaries.templates(session), *templates.BUILT_IN):
        if template.name == name:
            return template
    raise LookupError(f"There is no template {name!r}; GET /settings/summaries lists them.")


def with_references(checked: Checked, lines: Sequence[Line]) -> Checked:
    """The names of participants as references."""
    names = {line.participant_id: line.speaker for line in lines}
    content: Content = checked.content.mapped(lambda text: people.to_references(text, names))
    return Checked(content, checked.dropped)
