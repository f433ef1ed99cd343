"""What a user reads of a logged change, be it of speakers or of a transcript."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """`undone_at` is None for a change that holds."""

    id: int
    description: str
    created_at: datetime
    undone_at: datetime | None
