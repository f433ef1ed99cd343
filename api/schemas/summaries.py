"""Summaries of conversations."""

from typing import Self

from pydantic import ConfigDict, Field

from pipeline.summary import content, templates
from pipeline.summary.templates import Instructions, TemplateName
from services.llm.model import ContextSource
from services.schemas import Job, Moment, Schema
from services.summaries.service import CurrentSummary


class Citation(Schema):
    segment_id: int
    start_offset: float = Field(description="Seconds from the start of the recording.")


class Statement(Schema):
    text: str
    citations: list[Citation] = Field(description="The segments that say it; at least one.")


class ActionItem(Statement):
    owner: str | None = Field(description="Who does it; null if nobody was named.")
    due: str | None = Field(description="When, as it was said.", examples=["by Friday"])


class Chapter(Citation):
    title: str


class Summary(Schema):
    """What a language model wrote about a conversation. Where none has, `model` is null, and chapters are found by rules."""

    conversation_id: int
    title: str | None
    summary: list[Statement]
    chapters: list[Chapter] = Field(description="In order of time.")
    decisions: list[Statement]
    action_items: list[ActionItem]
    questions: list[Statement] = Field(description="Those that stayed open.")
    dropped: int = Field(description="Statements that were left out, as they cited no segment that exists.")
    stale: bool = Field(description="The text, the speakers or their names have changed since.")
    model: str | None
    template: str | None
    created_at: Moment | None
    job: Job | None = Field(description="The latest job that summarises the conversation; `error` says why it failed.")

    @classmethod
    def of(cls, conversation_id: int, found: CurrentSummary) -> Self:
        starts = found.starts

        def citation(id_: int) -> Citation:
            return Citation(segment_id=id_, start_offset=starts[id_])

        def statement(one: content.Statement) -> Statement:
            return Statement(text=one.text, citations=list(map(citation, one.segments)))

        inner = found.content
        actions = [
            ActionItem(text=one.text, citations=list(map(citation, one.segments)), owner=one.owner, due=one.due)
            for one in inner.action_items
        ]
        return cls(
            conversation_id=conversation_id,
            title=inner.title or None,
            summary=list(map(statement, inner.summary)),
            chapters=[
                Chapter(title=one.title, segment_id=one.segment, start_offset=starts[one.segment]) for one in inner.chapters
            ],
            decisions=list(map(statement, inner.decisions)),
            action_items=actions,
            questions=list(map(statement, inner.questions)),
            dropped=found.dropped,
            stale=found.stale,
            model=found.model,
            template=found.template,
            created_at=found.created_at,
            job=None if found.job is None else Job.model_validate(found.job),
        )


class SummaryRequest(Schema):
    model_config = ConfigDict(extra="forbid")

    template: TemplateName = templates.DEFAULT


class TemplateText(Schema):
    model_config = ConfigDict(extra="forbid")

    instructions: Instructions


class Template(Schema):
    name: str
    instructions: str
    built_in: bool


class LanguageModelCheck(Schema):
    model: str = Field(examples=["llama3.2"])
    server: str = Field(description="Host and port.", examples=["127.0.0.1:11434"])
    seconds: float = Field(description="That a small request took.")
    json_schema: bool | None = Field(
        description="Whether the server enforced a JSON schema. Without it the schema is in the prompt, and small models fail "
        "more often. Null where there was no answer."
    )
    context_tokens: int | None = Field(description="Tokens of a prompt and its answer together.")
    context_source: ContextSource | None = Field(
        description="LLM_CONTEXT_TOKENS, what the server reports, or the default where it reports nothing."
    )
    error: str | None = Field(description="Why the model cannot be used, and what to do; null where it can.")


class SummarySettings(Schema):
    model: str | None = Field(description="The language model; null where none is set up.", examples=["llama3.2"])
    server: str | None = Field(description="Host and port that transcripts are sent to.", examples=["127.0.0.1:11434"])
    templates: list[Template]
