"""Notifications about changed rows, which triggers of the tables send at the commit of whatever changed them.

The triggers are in the migrations `0024_changes`, `0017_tags` and `0034_summaries`. `storage.events.notifications` listens.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

CHANNEL = "change"
"""The PostgreSQL channel."""

ConversationAspect = Literal["created", "deleted", "status", "title", "tags", "transcript", "speakers", "sharing", "summary"]
SpeakerAspect = Literal["created", "deleted", "renamed", "samples", "segments", "emotions"]


class ConversationsChanged(BaseModel):
    kind: Literal["conversation"]
    change: ConversationAspect
    ids: list[int] | None
    """None where there are too many for one notification; so for the others."""


class ConversationHidden(BaseModel):
    """It was deleted, or its owner or sharing changed. Those named saw it before."""

    kind: Literal["conversation"]
    change: Literal["hidden"]
    ids: list[int] | None
    everyone: bool
    people: list[int]
    """The owner among them."""


class JobsChanged(BaseModel):
    kind: Literal["job"]
    change: Literal["state"]
    ids: list[int] | None


class SpeakersChanged(BaseModel):
    kind: Literal["speakers"]
    change: SpeakerAspect
    ids: list[int] | None


AnyConversationChange = Annotated[ConversationsChanged | ConversationHidden, Field(discriminator="change")]
Change = ConversationsChanged | ConversationHidden | JobsChanged | SpeakersChanged
CHANGE: TypeAdapter[Change] = TypeAdapter(
    Annotated[AnyConversationChange | JobsChanged | SpeakersChanged, Field(discriminator="kind")]
)
