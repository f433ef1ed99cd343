"""Accepted recordings and jobs."""

from pydantic import Field

from api.schemas.conversations import Progress
from api.schemas.paging import Limit, Skipped, Total
from services.schemas import Job, Schema


class Accepted(Progress):
    """`id` is the conversation's."""

    job_id: int = Field(description="For `/jobs/{job_id}`.")


class BatchItem(Schema):
    filename: str = Field(description="As the client sent it.")
    conversation_id: int | None = Field(None, description="Null if the file was refused.")
    job_id: int | None = Field(None, description="Null if the file was refused.")
    error: str | None = Field(None, description="Why this file was refused; the others are not affected.")


class Batch(Schema):
    files: list[BatchItem] = Field(description="One for each file, in the order of the request.")


class Jobs(Schema):
    jobs: list[Job]
    total: Total
    skip: Skipped
    limit: Limit
