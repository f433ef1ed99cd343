"""Tags of conversations: free text, of which two are one tag if they are one name (`pipeline.names`)."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from pipeline.names import distinct, given

MAX_TAGS = 20
"""Of one conversation."""
MAX_CHARS = 100


Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CHARS),
    AfterValidator(given),
    Field(examples=["Planning"]),
]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(distinct)]
