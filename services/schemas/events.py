"""The events of `GET /events`: what changed, so that a client reads again what it shows of it."""

from typing import Annotated, Literal

from pydantic import Field

from services.schemas.base import Schema, Stage, State
from services.schemas.jobs import Job
from storage.events.changes import ConversationAspect


class ResyncEvent(Schema):
    """Changes may have been missed: read everything again. It is the first event of each connection."""

    type: Literal["resync"] = "resync"
    reason: Literal["connected", "slow", "database"] = Field(
        description="`connected`: the stream begins. `slow`: the client did not read as fast as things changed. "
        "`database`: the connection to the database was lost for a while, or too much changed at once."
    )


class ConversationEvent(Schema):
    """A conversation that the caller sees changed. `deleted`: it is gone, or not shared with the caller any more."""

    type: Literal["conversation"] = "conversation"
    id: int
    changes: list[ConversationAspect] = Field(
        description="`status`: of the work, with notes and recording. `transcript`: segments. `speakers`: who they are.",
        examples=[["status", "transcript"]],
    )
    status: State | None = Field(None, description="Null where it was deleted, as are the next three.")
    stage: Stage = None
    progress: float | None = Field(None, description="Fraction of the work that is done, 0 to 1.")
    error: str | None = Field(None, description="Why the processing failed, if it did.")


class JobStateEvent(Job):
    """A job on a conversation that the caller sees was queued, has progressed, or ended."""

    type: Literal["job"] = "job"


class SpeakersEvent(Schema):
    """Speakers changed. Each list has their ids."""

    type: Literal["speakers"] = "speakers"
    created: list[int] = Field([])
    deleted: list[int] = Field([], description="Also those that were merged into others.")
    renamed: list[int] = Field([], description="In all conversations.")
    samples: list[int] = Field([], description="Their enrolled samples changed.")
    segments: list[int] = Field([], description="Voices or segments of conversations became theirs, or another's.")
    emotions: list[int] = Field([], description="Their emotion profiles or thresholds changed.")


Event = Annotated[ResyncEvent | ConversationEvent | JobStateEvent | SpeakersEvent, Field(discriminator="type")]
