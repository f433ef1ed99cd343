"""Answers to questions about the archive."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.summaries import Citation
from pipeline.names import MaybeName
from services.answers.ask import MAX_QUESTION_CHARS, Answer, Supported
from services.schemas import Moment, Schema


class Question(Schema):
    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARS)] = Field(
        examples=["What did we decide about the bridge?"]
    )
    speaker: MaybeName | None = Field(None, description="Only what this speaker said.")
    conversation_id: int | None = Field(None, ge=1, le=2**31 - 1, description="Only this conversation.")
    since: Moment | None = Field(None, description="Spoken at this time or later; UTC without an offset.")
    until: Moment | None = Field(None, description="Spoken before this time.")


class Source(Citation):
    conversation_id: int
    title: str | None = Field(description="Of the conversation.")
    speaker_name: str
    time: Moment
    text: str


class AnswerStatement(Schema):
    text: str
    citations: list[Source] = Field(description="The segments that support it; at least one.")

    @classmethod
    def of(cls, found: Supported) -> Self:
        cited = [
            Source(
                segment_id=one.id,
                start_offset=one.start_offset,
                conversation_id=one.conversation_id,
                title=one.title,
                speaker_name=one.speaker_name,
                time=one.time,
                text=one.text,
            )
            for one in found.segments
        ]
        return cls(text=found.text, citations=cited)


class ArchiveAnswer(Schema):
    found: bool = Field(description="False: nothing that you can see supports an answer.")
    answer: str = Field(description="The statements together, or a sentence that nothing was found.")
    statements: list[AnswerStatement]
    dropped: int = Field(description="Statements that were left out, as they cited no segment that exists.")
    note: str | None = Field(description="What the search could not do.")

    @classmethod
    def of(cls, found: Answer) -> Self:
        return cls(
            found=found.found,
            answer=found.text,
            statements=list(map(AnswerStatement.of, found.statements)),
            dropped=found.dropped,
            note=found.note,
        )
