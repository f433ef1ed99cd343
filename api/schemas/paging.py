"""The parameters and fields of lists that are answered in pages."""

from typing import Annotated

from pydantic import Field

SKIP, LIMIT = "How many to leave out at the beginning.", "How many to answer at most."
"""Descriptions of the query parameters."""

Total = Annotated[int, Field(description="How many there are in all.")]
Skipped = Annotated[int, Field(description="How many are left out at the beginning.")]
Limit = Annotated[int, Field(description="How many are answered at most.")]
NextCursor = Annotated[str | None, Field(description="Send it as `cursor` for the next page; null at the end.")]
