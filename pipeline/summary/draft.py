"""What a language model must answer, as schemas. Lines are those of the transcript, by their numbers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field


def _numbers(value: object) -> object:
    """Models also write a single number, `[3]`, or "3, 7"."""
    if isinstance(value, str):
        return [part for part in value.strip("[] ").replace(";", ",").split(",") if part.strip()]
    return [] if value is None else [value] if isinstance(value, int) else value


def _none(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in ("", "none", "null", "unknown", "n/a") else value


Lines = Annotated[list[int], BeforeValidator(_numbers), Field(description="Numbers of the lines that say it.")]
Maybe = Annotated[str | None, BeforeValidator(_none)]


class Cited(BaseModel):
    text: str
    lines: Lines = []


class Action(Cited):
    owner: Annotated[Maybe, Field(description="Who does it, the name as in the transcript; null if nobody was named.")] = None
    due: Annotated[Maybe, Field(description="When, as it was said; null if it was not said.")] = None


class ChapterDraft(BaseModel):
    title: str
    line: int = Field(description="Number of its first line.")


class Draft(BaseModel):
    """A summary."""

    title: str = Field(description="At most 8 words.")
    summary: list[Cited] = Field([], description="What was said, in 3 to 8 sentences.")
    chapters: list[ChapterDraft] = []
    decisions: list[Cited] = []
    action_items: list[Action] = []
    questions: list[Cited] = Field([], description="Questions that stayed open.")


class Fact(Action):
    kind: Literal["point", "decision", "action", "question"] = "point"


class Facts(BaseModel):
    """Of one section of a long transcript."""

    topics: list[ChapterDraft] = []
    facts: list[Fact] = []


class AnswerDraft(BaseModel):
    """An answer to a question about the archive."""

    found: bool = Field(description="Whether the lines answer the question.")
    statements: list[Cited] = []


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema as servers with strict schemas want it: each property is required, and no other is allowed."""
    found: dict[str, Any] = model.model_json_schema()
    for part in (found, *found.get("$defs", {}).values()):
        if "properties" in part:
            part |= {"required": list(part["properties"]), "additionalProperties": False}
            for each in part["properties"].values():
                each.pop("default", None)
    return found
