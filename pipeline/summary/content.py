"""A summary as it is stored. Names of participants in its texts are references (`pipeline.summary.people`)."""

from collections.abc import Callable, Collection, Iterator

from pydantic import BaseModel


class Statement(BaseModel):
    text: str
    segments: list[int]
    """Ids of the segments that say it; at least one."""


class ActionItem(Statement):
    owner: str | None = None
    due: str | None = None


class Chapter(BaseModel):
    title: str
    segment: int
    """The first."""


class Content(BaseModel):
    title: str
    summary: list[Statement] = []
    chapters: list[Chapter] = []
    decisions: list[Statement] = []
    action_items: list[ActionItem] = []
    questions: list[Statement] = []

    def statements(self) -> Iterator[Statement]:
        yield from (*self.summary, *self.decisions, *self.action_items, *self.questions)

    def texts(self) -> Iterator[str]:
        yield self.title
        yield from (chapter.title for chapter in self.chapters)
        for statement in self.statements():
            yield statement.text
            if isinstance(statement, ActionItem):
                yield from (text for text in (statement.owner, statement.due) if text)

    def mapped(self, change: Callable[[str], str]) -> "Content":
        """The same with `change` of each text."""

        def changed(statement: Statement) -> dict[str, object]:
            named = {name: change(text) for name in ("owner", "due") if (text := getattr(statement, name, None))}
            return {"text": change(statement.text), **named}

        lists = {
            name: [one.model_copy(update=changed(one)) for one in getattr(self, name)]
            for name in ("summary", "decisions", "action_items", "questions")
        }
        chapters = [one.model_copy(update={"title": change(one.title)}) for one in self.chapters]
        return self.model_copy(update={"title": change(self.title), "chapters": chapters, **lists})

    def citing(self, existing: Collection[int]) -> "Content":
        """The same without citations of other segments, and without statements that have no other citation."""

        def kept(statements: list[Statement]) -> list[Statement]:
            cited = ((one, [id_ for id_ in one.segments if id_ in existing]) for one in statements)
            return [one.model_copy(update={"segments": ids}) for one, ids in cited if ids]

        lists = {name: kept(getattr(self, name)) for name in ("summary", "decisions", "action_items", "questions")}
        chapters = [chapter for chapter in self.chapters if chapter.segment in existing]
        return self.model_copy(update={"chapters": chapters, **lists})
