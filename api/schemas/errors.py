"""The body of every error response."""

from pydantic import Field

from services.schemas import Schema


class Error(Schema):
    detail: str = Field(description="What is wrong and what to do about it.")


class Fault(Schema):
    type: str = Field(description="Its kind, for programs.")
    loc: list[str | int] = Field(description="Where it is, such as `body` and the field's name.")
    msg: str


class Invalid(Schema):
    detail: str | list[Fault] = Field(description="What is wrong: a sentence, or a list with each field's fault.")
