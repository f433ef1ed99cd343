"""The body of every error response."""

from pydantic import Field

from services.schemas import Schema


class Error(Schema):
    detail: str = Field(description="What is wrong and what to do about it.")
