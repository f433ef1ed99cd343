"""Jobs, and the events that webhooks receive."""

from typing import Literal

from pydantic import Field

from services.schemas.base import Moment, Schema, Stage
from storage.tables.jobs import JobKind


class Job(Schema):
    id: int
    kind: JobKind = Field("recording", description="`summary`: a language model summarises the transcript.")
    conversation_id: int
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    stage: Stage
    progress: float = Field(description="Fraction of the work that is done, 0 to 1.")
    attempts: int = Field(description="Attempts so far, the current one included.")
    duration: float = Field(description="Of the recording, in seconds.")
    error: str | None = Field(description="Why it failed, or why it is tried again.")
    created_at: Moment
    finished_at: Moment | None
    remaining_seconds: float | None = Field(
        None, description="Estimated from the progress so far; null unless it is running, and at its beginning."
    )


class JobEvent(Schema):
    """The body of a webhook request."""

    type: Literal["job.completed", "job.failed", "job.cancelled", "summary.completed", "summary.failed", "summary.cancelled"]
    timestamp: Moment
    data: Job
