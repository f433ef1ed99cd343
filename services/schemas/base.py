"""The base class of the public schemas, and the types of fields that several of them have.

Clients rely on the names and types of all fields: they do not change, additions are optional.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from storage.tables import STATUSES


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("The time is before the year 1 or after 9999, in UTC.") from None


Moment = Annotated[datetime, AfterValidator(_utc)]
"""Read: without an offset it is UTC. Written: RFC 3339 with `Z`, as `format: date-time` demands; validators refuse a time
without an offset."""
Seconds = Annotated[float, Field(description="Seconds from the start of the recording.")]
State = Annotated[str, Field(description=f"One of {', '.join(STATUSES)}.", examples=["completed"])]
Stage = Annotated[
    str | None, Field(description="The stage in progress; null before and after the work.", examples=["diarizing"])
]
SpeakerId = Annotated[int | None, Field(description="Null for a voice that is known in this conversation only.")]
Similarity = Annotated[
    float | None, Field(description="Similarity of the voice to the speaker that it was recognised as, 0 to 1.")
]


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True)
