"""Templates of summaries: instructions beside the rules. Users may add some."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

DEFAULT = "general"
MAX_TEMPLATES = 50
"""That people add."""

TemplateName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    Field(description="Small letters, digits and hyphens.", examples=["sales-call"]),
]
Instructions = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$"),
    Field(
        description="What the model should look at, and how to write. The rules about citations hold beside them.",
        examples=["This is a sales call. Name the customer's needs, objections and budget."],
    ),
]


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    instructions: str


BUILT_IN = (
    Template(DEFAULT, "Write so that somebody who was not there knows what it was about and what follows from it."),
    Template(
        "meeting",
        "This is a meeting. Name the decisions with their reasons, each task with who does it until when, and open questions.",
    ),
    Template(
        "interview",
        "This is an interview. Say what was asked and what each person answered, and keep claims apart from facts. There are "
        "usually no decisions and no action items.",
    ),
    Template("lecture", "This is a lecture. Give the line of the argument, and the terms that are explained."),
)
