"""A server with OpenAI's interface for chats, for tests: it answers from the lines of the prompt, or as the test sets it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.serving import serving

MODEL = "test-model"
KEY = "sk-secret-of-the-tests"
_DATA = re.compile(r"<data (\w+)>\n(.*?)\n?</data \1>", re.DOTALL)
_LINE = re.compile(r"^\[(\d+)\] \S+ ([^:(]+?)(?: \(\w+\))?: (.*)$", re.MULTILINE)
_FACT = re.compile(r"^- (\w+) \[([\d, ]+)\]: (.*)$", re.MULTILINE)

Answer = Callable[[dict[str, Any]], Any]
"""Takes a request; its result is the JSON that the model writes, or text."""


@dataclass
class LlmServer:
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of all requests for an answer."""
    keys: set[str | None] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    """Of the next requests; then it answers from the lines."""
    statuses: list[int] = field(default_factory=list)
    """Of the next requests, in place of an answer."""
    refused_forms: set[str] = field(default_factory=set)
    finish_reason: str = "stop"
    context: int | None = None
    """That `/v1/models` reports, as vLLM does."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Of the model there."""
    listing: asyncio.Event | None = None
    """`/v1/models` waits for it."""
    gate: asyncio.Event | None = None
    """Requests wait for it."""
    ended: int = 0
    """Requests that the client gave up."""

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        self.keys.add(request.headers.get("authorization"))
        form = body.get("response_format", {}).get("type", "text")
        if form in self.refused_forms:
            return JSONResponse({"error": {"message": f"response_format {form} is not supported", "key": KEY}}, 400)
        self.requests.append(body)
        if self.gate is not None:
            try:
                while not self.gate.is_set():
                    if await request.is_disconnected():
                        self.ended += 1
                        return Response()
                    await asyncio.sleep(0.02)
            finally:
                pass
        if self.statuses:
            message = f"no, and the key is {KEY}"
            return JSONResponse({"error": {"message": message}}, self.statuses.pop(0), {"Retry-After": "0"})
        answer = self.answers.pop(0)(body) if self.answers else from_lines(body)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        if body.get("stream"):
            return StreamingResponse(self._events(text), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": self.finish_reason}
        prompt = sum(len(message["content"]) for message in body["messages"]) // 4
        usage = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4, "total_tokens": prompt + len(text) // 4}
        return JSONResponse({"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage})

    async def _events(self, text: str) -> AsyncIterator[str]:
        for start in range(0, len(text), 20):
            chunk = {"choices": [{"index": 0, "delta": {"content": text[start : start + 20]}}]}
            yield f"data: {json.dumps(chunk)}\n\n"
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]}
        yield f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n"

    async def models(self, _request: Request) -> Response:
        if self.listing is not None:
            await self.listing.wait()
        found: dict[str, Any] = {"id": MODEL, "object": "model", "metadata": self.metadata}
        if self.context is not None:
            found["max_model_len"] = self.context
        return JSONResponse({"object": "list", "data": [found]})


@asynccontextmanager
async def llm_server() -> AsyncIterator[LlmServer]:
    served = LlmServer()
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", served.complete, methods=["POST"]),
            Route("/v1/models", served.models),
        ]
    )
    async with serving(app) as address:
        served.url = f"{address}/v1"
        yield served


def data(body: dict[str, Any]) -> str:
    """What stands between the fences of a request."""
    found = _DATA.search(body["messages"][1]["content"])
    assert found is not None
    return found[2]


def lines(body: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Number, name and text of each line of a request."""
    return [(int(number), name, text) for number, name, text in _LINE.findall(data(body))]


def kind(body: dict[str, Any]) -> str:
    """The requested kind: a draft, facts, or an answer."""
    told = body["messages"][0]["content"]
    return "facts" if "one section" in told or "more important half" in told else "answer" if "question is" in told else "draft"


def from_lines(body: dict[str, Any]) -> Any:
    """An answer of the requested kind, which cites lines of the prompt."""
    said = lines(body)
    if kind(body) == "answer":
        return {"found": bool(said), "statements": [{"text": f"{said[0][1]} said it.", "lines": [said[0][0]]}] if said else []}
    if kind(body) == "facts":
        facts = [{"kind": "point", "text": text, "lines": [number]} for number, _, text in said[:2]]
        facts += [
            {"kind": kind, "text": text, "lines": [int(n) for n in numbers.split(",")]}
            for kind, numbers, text in _FACT.findall(data(body))[::2]
        ]
        return {"topics": [{"title": f"Topic {said[0][0]}", "line": said[0][0]}] if said else [], "facts": facts}
    cited = said or [(int(numbers.split(",")[0]), "Somebody", text) for _, numbers, text in _FACT.findall(data(body))]
    (first, name, text), last = cited[0], cited[-1]
    return {
        "title": f"{name} about things",
        "summary": [{"text": f"{name} said: {text}", "lines": [first]}, {"text": "It went on.", "lines": [last[0]]}],
        "chapters": [{"title": "The beginning", "line": first}],
        "decisions": [],
        "action_items": [{"text": "Write it down.", "owner": last[1], "due": "Friday", "lines": [last[0]]}],
        "questions": [{"text": "Who pays?", "lines": [first, last[0]]}],
    }
