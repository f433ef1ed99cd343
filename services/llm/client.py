"""Chat completions of a server with OpenAI's interface, over HTTP."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.summary.prompts import Message
from services.llm.errors import LlmError, LlmUnavailableError, RefusedFormatError
from services.redaction import redact
from settings import Settings, uses_proxy

logger = logging.getLogger("ray.serve")

TIMEOUT = httpx.Timeout(600.0, connect=10.0)
"""A model on a CPU reads a long prompt for minutes before it sends the first byte."""
ATTEMPTS = 3
RETRY_DELAY_S = 1.0
"""Before the second attempt; four times as long before the third, unless the server says how long."""
MAX_RETRY_DELAY_S = 30.0
RETRIED = frozenset({408, 409, 425, 429})
"""Statuses that are tried again, beside those from 500."""
MAX_ANSWER_BYTES = 4 << 20
MAX_SHOWN_CHARS = 300
"""Of the server's own message."""
MIN_PROMPT_BYTES = 4000
MAX_BYTES_PER_TOKEN = 12
"""A prompt of at least `MIN_PROMPT_BYTES` of which the server counted fewer tokens than this was cut off. Text has 3 to 6."""


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Said(_Loose):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Loose):
    message: _Said = _Said()
    delta: _Said = _Said()
    finish_reason: str | None = None


class _Usage(_Loose):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Completion(_Loose):
    choices: list[_Choice] = []
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    tokens: int | None
    """That the model read and wrote; None where the server does not say."""


class LlmClient:
    def __init__(self, settings: Settings) -> None:
        self._url = (settings.llm_url or "").rstrip("/")
        self._model = settings.llm_model or ""
        self._key = "" if settings.llm_api_key is None else settings.llm_api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self.http = httpx.AsyncClient(timeout=TIMEOUT, headers=headers, trust_env=uses_proxy(self._url))

    async def close(self) -> None:
        await self.http.aclose()

    async def complete(self, messages: Sequence[Message], max_tokens: int, form: dict[str, Any] | None = None) -> Reply:
        """The model's answer; `form` is a `response_format`.

        Raises LlmError, RefusedFormatError where the server does not take the form, LlmUnavailableError.
        """
        async with self._opened(self._body(messages, max_tokens, form)) as response:
            content = await _read(response)
        try:
            found = _Completion.model_validate_json(content)
        except ValidationError as error:
            raise LlmError(f"{self._url} did not answer as OpenAI's interface does: check LLM_URL.") from error
        choice = found.choices[0] if found.choices else _Choice()
        self._check(choice.finish_reason, choice.message.refusal, max_tokens)
        if not (choice.message.content or "").strip():
            raise LlmError(f"The model {self._model} answered nothing: try again, or choose another model (LLM_MODEL).")
        self._check_prompt(messages, found.usage)
        return Reply(choice.message.content or "", _total(found.usage))

    async def stream(
        self, messages: Sequence[Message], max_tokens: int, form: dict[str, Any] | None
    ) -> AsyncGenerator[str, None]:
        """The pieces of an answer as the model writes it. Raises as `complete` does."""
        body = self._body(messages, max_tokens, form) | {"stream": True}
        empty = True
        async with self._opened(body) as response:
            async for line in response.aiter_lines():
                data = line.removeprefix("data:").strip()
                if not line.startswith("data:") or not data or data == "[DONE]":
                    continue
                try:
                    found = _Completion.model_validate_json(data)
                except ValidationError as error:
                    raise LlmError(f"{self._url} did not stream as OpenAI's interface does: check LLM_URL.") from error
                choice = found.choices[0] if found.choices else _Choice()
                if choice.delta.content:
                    empty = False
                    yield choice.delta.content
                self._check(choice.finish_reason, choice.delta.refusal, max_tokens)
        if empty:
            raise LlmError(f"The model {self._model} answered nothing: try again, or choose another model (LLM_MODEL).")

    def _body(self, messages: Sequence[Message], max_tokens: int, form: dict[str, Any] | None) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "messages": list(messages), "max_tokens": max_tokens, "temperature": 0.2}
        return body if form is None else body | {"response_format": form}

    @asynccontextmanager
    async def _opened(self, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """The answer of the server, after as many attempts as it needs. Cancelling the task ends the request."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                request = self.http.build_request("POST", f"{self._url}/chat/completions", json=body)
                response = await self.http.send(request, stream=True)
            except httpx.TransportError as error:
                if last:
                    raise self._unavailable(type(error).__name__) from error
                await asyncio.sleep(_delay(attempt, None))
                continue
            try:
                if response.is_success:
                    yield response
                    return
                if last or (response.status_code not in RETRIED and response.status_code < 500):
                    raise await self._failure(response, "response_format" in body)
            except httpx.TransportError as error:  # the connection was lost while the answer was read
                raise self._unavailable(type(error).__name__) from error
            finally:
                await response.aclose()
            await asyncio.sleep(_delay(attempt, response.headers.get("retry-after")))

    def _unavailable(self, what: str) -> LlmUnavailableError:
        return LlmUnavailableError(
            f"The language model at {self._url} does not answer ({what}): check LLM_URL, and that it runs."
        )

    async def _failure(self, response: httpx.Response, formed: bool) -> Exception:
        status, said = response.status_code, self._shown(await _read(response))
        if status in (401, 403):
            return LlmError(f"The language model refuses the key ({status}): check LLM_API_KEY. It says: {said}")
        if status == 404:
            return LlmError(f"{self._url} has no model {self._model!r} (404): check LLM_MODEL and LLM_URL. It says: {said}")
        if status in RETRIED or status >= 500:
            return LlmUnavailableError(f"The language model is overloaded or fails ({status}). It says: {said}")
        if formed and status in (400, 422, 501):
            return RefusedFormatError(f"The language model refuses the request ({status}): {said}")
        return LlmError(f"The language model refuses the request ({status}): {said}")

    def _shown(self, content: bytes) -> str:
        text = content.decode(errors="replace")
        try:
            found = json.loads(text)
            inner = found.get("error", found) if isinstance(found, dict) else found
            text = str(inner.get("message", inner)) if isinstance(inner, dict) else str(inner)
        except ValueError:
            pass
        text = text.replace(self._key, "…") if self._key else text
        return " ".join(redact(text).split())[:MAX_SHOWN_CHARS] or "nothing"

    def _check(self, finish_reason: str | None, refusal: str | None, max_tokens: int) -> None:
        """Raises LlmError where the answer is not whole."""
        if refusal:
            raise LlmError(f"The model {self._model} refused: {self._shown(refusal.encode())}")
        if finish_reason == "content_filter":
            raise LlmError(f"A filter of the server stopped the answer of {self._model}: use another model (LLM_MODEL).")
        if finish_reason == "length":
            raise LlmError(
                f"The answer of {self._model} was cut off at its length ({max_tokens} tokens were allowed): set "
                "LLM_CONTEXT_TOKENS to the context that the server really has, or use a model with a larger one."
            )

    def _check_prompt(self, messages: Sequence[Message], usage: _Usage | None) -> None:
        """Raises LlmError where the server read less than it was sent, as some do without an error."""
        size = sum(len(message["content"].encode()) for message in messages)
        if usage and size >= MIN_PROMPT_BYTES and 0 < usage.prompt_tokens < size / MAX_BYTES_PER_TOKEN:
            raise LlmError(
                f"The server read only {usage.prompt_tokens} tokens of a longer text: set LLM_CONTEXT_TOKENS to the context "
                "that it really has (for Ollama, num_ctx or OLLAMA_CONTEXT_LENGTH)."
            )


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise LlmError("The language model's answer is too long: choose another model (LLM_MODEL).")
    return bytes(content)


def _delay(attempt: int, retry_after: str | None) -> float:
    if retry_after is not None and retry_after.strip().isdecimal():
        return min(float(retry_after), MAX_RETRY_DELAY_S)
    return RETRY_DELAY_S * 4.0**attempt


def _total(usage: _Usage | None) -> int | None:
    if usage is None:
        return None
    return usage.total_tokens or usage.prompt_tokens + usage.completion_tokens
