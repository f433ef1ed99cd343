"""Request and read summaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.summary import people, templates
from pipeline.summary.content import Content
from pipeline.summary.templates import Template
from services.access import audit
from services.llm.check import LlmCheck, check
from services.llm.model import LanguageModel, LlmDescription
from services.runtime import Runtime
from services.summaries import without_model
from services.summaries.worker import find_template
from settings import Settings
from storage import summaries
from storage.conversations import conversations, segments
from storage.conversations.conversations import ConversationBusyError
from storage.jobs import jobs
from storage.jobs.jobs import Job
from storage.postgres.database import Database

NOTHING = Content(title="")


class TemplateError(ValueError):
    """The template cannot be stored; the message says why."""


@dataclass(frozen=True, slots=True)
class CurrentSummary:
    """A summary with the present names of the speakers."""

    content: Content
    starts: dict[int, float]
    """The times of the cited segments in seconds, by their ids."""
    dropped: int = 0
    stale: bool = False
    model: str | None = None
    template: str | None = None
    created_at: datetime | None = None
    job: Job | None = None
    """The latest that summarises the conversation."""


class Summaries:
    def __init__(self, settings: Settings, database: Database, model: LanguageModel, runtime: Runtime) -> None:
        self._settings = settings
        self._database = database
        self._model = model
        self._runtime = runtime

    @property
    def description(self) -> LlmDescription | None:
        return self._model.description

    async def check_model(self) -> LlmCheck:
        """Whether the language model can be used. Raises LlmOffError."""
        return await check(self._model)

    async def request(self, conversation_id: int, template: str = templates.DEFAULT) -> Job:
        """Queue a summary. Raises LlmOffError, LookupError, ConversationBusyError."""
        self._model.require()
        async with self._database.session() as session:
            found = await conversations.progress(session, conversation_id)
            if found is None:
                raise LookupError(conversations.NOT_FOUND)
            if not found.finished:
                raise ConversationBusyError("The conversation is not complete yet: it is summarised when it is.")
            await find_template(session, template)
            job = await summaries.enqueue(session, conversation_id, template, self._runtime.request_id())
            await audit.record(session, "summary.request", f"conversation:{conversation_id}")
            return await jobs.get(session, job)

    async def read(self, conversation_id: int) -> CurrentSummary:
        """Raises LookupError where there is no such conversation."""
        async with self._database.session() as session:
            if await conversations.progress(session, conversation_id) is None:
                raise LookupError(conversations.NOT_FOUND)
            found = await summaries.get(session, conversation_id)
            job = await summaries.last_job(session, conversation_id)
            if found is None:
                chapters = await without_model.find_chapters(session, conversation_id)
                ids = [chapter.segment for chapter in chapters]
                starts = await segments.starts(session, conversation_id, ids)
                content = NOTHING.model_copy(update={"chapters": chapters}).citing(starts)
                return CurrentSummary(content, starts, job=job)
            names = await segments.names(session, conversation_id)
            starts = await segments.starts(session, conversation_id, cited(found.content))
            stale = found.fingerprint != await summaries.fingerprint(session, conversation_id)
        before = len(list(found.content.statements()))
        content = found.content.citing(starts).mapped(lambda text: people.to_names(text, names))
        return CurrentSummary(
            content=content,
            starts=starts,
            dropped=found.dropped + before - len(list(content.statements())),
            stale=stale,
            model=found.model,
            template=found.template,
            created_at=found.created_at,
            job=job,
        )

    async def templates(self) -> Sequence[Template]:
        """Built-in ones, and those that people added."""
        async with self._database.session() as session:
            return [*templates.BUILT_IN, *await summaries.templates(session)]

    async def put_template(self, template: Template) -> None:
        """Add or change a template. Raises TemplateError."""
        if template.name in {one.name for one in templates.BUILT_IN}:
            raise TemplateError(f"{template.name!r} is built in: choose another name.")
        async with self._database.session() as session:
            others = {one.name for one in await summaries.templates(session)} - {template.name}
            if len(others) >= templates.MAX_TEMPLATES:
                raise TemplateError(f"There are {len(others)} templates already: delete one.")
            await summaries.put_template(session, template)
            await audit.record(session, "template.change", f"template:{template.name}")

    async def delete_template(self, name: str) -> None:
        """Raises LookupError."""
        async with self._database.session() as session:
            await summaries.delete_template(session, name)
            await audit.record(session, "template.delete", f"template:{name}")


def cited(content: Content) -> list[int]:
    """Ids of all segments that a summary cites."""
    found = {id_ for statement in content.statements() for id_ in statement.segments}
    return sorted(found | {chapter.segment for chapter in content.chapters})
