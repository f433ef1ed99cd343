"""The language model for use cases: answers in a given form, within the context of its server and the budget of the day."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from pipeline.summary.draft import schema
from pipeline.summary.lines import tokens
from pipeline.summary.prompts import Message
from services.llm import context_size
from services.llm.client import LlmClient
from services.llm.errors import LlmError, LlmOffError, RefusedFormatError
from settings import Settings
from storage.access import usage
from storage.postgres.database import Database

T = TypeVar("T", bound=BaseModel)
ContextSource = Literal["setting", "server", "default"]
"""LLM_CONTEXT_TOKENS, what the server reports, or `context_size.DEFAULT_TOKENS`."""

BUDGET = ("installation", "llm_tokens")
"""Under which the tokens of the day are counted in `storage.access.usage`."""
MAX_FAULTS_SHOWN = 5
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
"""What some models write before their answers."""


@dataclass(frozen=True, slots=True)
class LlmDescription:
    model: str
    server: str
    """Host and port that texts are sent to."""


class LanguageModel:
    """Off unless LLM_URL is set."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._client = LlmClient(settings) if settings.llm_url else None
        self._forms = ["json_schema", "json_object", "text"]
        """Those that the server may take, the best first."""
        self._context: int | None = settings.llm_context_tokens
        self._probing = asyncio.Lock()

    @property
    def description(self) -> LlmDescription | None:
        """None where it is off."""
        if self._client is None or self._settings.llm_url is None:
            return None
        return LlmDescription(self._settings.llm_model or "", self._settings.llm_server)

    def require(self) -> LlmDescription:
        """Raises LlmOffError where it is off."""
        if (found := self.description) is None:
            raise LlmOffError
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def context_tokens(self) -> int:
        """Tokens of a prompt and its answer together. Raises LlmOffError."""
        self._required()
        async with self._probing:
            return self._context or (await self.find_context())[0]

    async def find_context(self) -> tuple[int, ContextSource]:
        """The same, read anew, and where the number is from. Raises LlmOffError."""
        client = self._required()
        if self._settings.llm_context_tokens is not None:
            return self._settings.llm_context_tokens, "setting"
        try:
            found = await context_size.probe(client.http, self._settings.llm_url or "", self._settings.llm_model or "")
        except httpx.TransportError:  # the next call tries again
            return context_size.DEFAULT_TOKENS, "default"
        self._context = context_size.DEFAULT_TOKENS if found is None else found
        return self._context, "default" if found is None else "server"

    async def enforces(self, kind: type[BaseModel], messages: Sequence[Message], max_tokens: int) -> bool:
        """Whether the server answers with a `kind` where only the requested form says so. Raises as `ask` does."""
        try:
            answer = await self._complete(messages, kind, "json_schema", max_tokens)
        except RefusedFormatError:
            await self._complete(messages, kind, "text", max_tokens)
            return False
        try:
            parsed(answer, kind)
        except ValueError:
            return False
        return True

    async def ask(self, messages: Sequence[Message], kind: type[T], max_tokens: int) -> T:
        """The answer as a `kind`. An invalid one is requested once more, with the fault.

        Raises LlmError, LlmUnavailableError.
        """
        answer = await self._formed(messages, kind, max_tokens)
        try:
            return parsed(answer, kind)
        except ValueError as error:
            fault = str(error)
        again: Message = {
            "role": "user",
            "content": f"Your answer was not valid: {fault}. Answer with one JSON object of this schema, and nothing else: "
            f"{json.dumps(schema(kind))}",
        }
        answer = await self._formed([*messages, again], kind, max_tokens)
        try:
            return parsed(answer, kind)
        except ValueError as error:
            model = self.require().model
            raise LlmError(f"The model {model} does not answer in the form asked for ({error}): use a larger model.") from error

    async def stream(self, messages: Sequence[Message], kind: type[BaseModel], max_tokens: int) -> AsyncGenerator[str, None]:
        """The pieces of an answer that is a `kind` as JSON. Raises as `ask` does."""
        client = self._required()
        for form in list(self._forms):
            sent = _told(messages, kind, form)
            begun = False
            try:
                pieces = client.stream(sent, max_tokens, _form(kind, form))
                async with self._budgeted(sent, max_tokens) as used, aclosing(pieces):
                    async for piece in pieces:
                        begun = True
                        used.written += max(1, tokens(piece) - 1)
                        yield piece
                self._takes(form)
                return
            except RefusedFormatError:
                if begun or form == self._forms[-1]:
                    raise

    async def _formed(self, messages: Sequence[Message], kind: type[BaseModel], max_tokens: int) -> str:
        for form in list(self._forms):
            try:
                answer = await self._complete(_told(messages, kind, form), kind, form, max_tokens)
                self._takes(form)
                return answer
            except RefusedFormatError:
                if form == self._forms[-1]:
                    raise
        raise AssertionError("unreachable")

    async def _complete(self, messages: Sequence[Message], kind: type[BaseModel], form: str, max_tokens: int) -> str:
        """The answer to one request, counted in the budget."""
        client = self._required()
        async with self._budgeted(messages, max_tokens) as used:
            reply = await client.complete(messages, max_tokens, _form(kind, form))
            used.total = reply.tokens
            used.written = tokens(reply.text)
        return reply.text

    def _takes(self, form: str) -> None:
        """The better forms were refused, and not the request: do not try them again."""
        if form in self._forms:
            self._forms = self._forms[self._forms.index(form) :]

    def _required(self) -> LlmClient:
        if self._client is None:
            raise LlmOffError
        return self._client

    @asynccontextmanager
    async def _budgeted(self, messages: Sequence[Message], max_tokens: int) -> AsyncIterator["_Used"]:
        """Count the tokens of a request; what it may need is taken before. Raises LlmError where too few are left."""
        if (limit := self._settings.llm_tokens_per_day) is None:
            yield _Used()
            return
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        prompt = sum(tokens(message["content"]) for message in messages)
        taken = prompt + max_tokens
        async with self._database.session() as session:
            granted = await usage.take(session, *BUDGET, today, taken, limit)
            if granted < taken:
                await usage.give_back(session, *BUDGET, today, granted)
                raise LlmError(
                    f"The budget of {limit} tokens a day for the language model is used up: try again tomorrow (UTC), or raise "
                    "LLM_TOKENS_PER_DAY."
                )
        used = _Used()
        try:
            yield used
        finally:
            spent = used.total if used.total is not None else prompt + used.written if used.written else 0
            async with self._database.session() as session:
                await usage.give_back(session, *BUDGET, today, taken - spent)


@dataclass(slots=True)
class _Used:
    total: int | None = None
    """As the server counts."""
    written: int = 0


def parsed(answer: str, kind: type[T]) -> T:
    """The JSON object in an answer that may have text around it. Raises ValueError with a short fault."""
    found = _OBJECT.search(_THOUGHT.sub("", answer))
    if found is None:
        raise ValueError("it has no JSON object")
    try:
        return kind.model_validate_json(found[0])
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:MAX_FAULTS_SHOWN]
        raise ValueError("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)) from error


def _form(kind: type[BaseModel], form: str) -> dict[str, Any] | None:
    if form == "json_schema":
        return {"type": form, "json_schema": {"name": kind.__name__.lower(), "schema": schema(kind), "strict": True}}
    return None if form == "text" else {"type": form}


def _told(messages: Sequence[Message], kind: type[BaseModel], form: str) -> list[Message]:
    """The messages; for a server that does not enforce the schema they include it."""
    if form == "json_schema":
        return list(messages)
    told = f"\nThe JSON object must have this schema: {json.dumps(schema(kind))}"
    return [*messages[:-1], {**messages[-1], "content": messages[-1]["content"] + told}]
