"""One small request that says whether the language model of the settings can be used, and how."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.summary.prompts import Message
from services.llm.errors import LlmError, LlmUnavailableError
from services.llm.model import ContextSource, LanguageModel

TIMEOUT_S = 120.0
"""A server that has not loaded the model yet takes a minute, and one on a CPU, too."""
MAX_TOKENS = 512
"""Of the answer: models that think first write some hundred."""


class Greeting(BaseModel):
    """What is requested. The prompt names no field, so that only a server that enforces the schema answers so."""

    model_config = ConfigDict(extra="forbid")

    greeting: Literal["hello_there"]


MESSAGES: list[Message] = [{"role": "user", "content": "Greet me."}]


@dataclass(frozen=True, slots=True)
class LlmCheck:
    model: str
    server: str
    """Host and port."""
    seconds: float
    """That the answer took."""
    json_schema: bool | None = None
    """Whether the server enforced a JSON schema; None where it gave no answer."""
    context_tokens: int | None = None
    context_source: ContextSource | None = None
    error: str | None = None
    """Why the model cannot be used, and what to do about it."""


async def check(model: LanguageModel) -> LlmCheck:
    """Raises LlmOffError where no language model is set up. What is wrong with one is in the result."""
    about = model.require()
    start = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            enforced = await model.enforces(Greeting, MESSAGES, MAX_TOKENS)
            seconds = time.perf_counter() - start
            tokens, source = await model.find_context()
    except TimeoutError:
        error = (
            f"The language model does not answer within {TIMEOUT_S:.0f} s: if its server is loading it, try again; otherwise "
            "check LLM_URL and the log of the server, or choose a smaller model."
        )
        return LlmCheck(about.model, about.server, time.perf_counter() - start, error=error)
    except (LlmError, LlmUnavailableError) as failure:
        return LlmCheck(about.model, about.server, time.perf_counter() - start, error=str(failure))
    return LlmCheck(about.model, about.server, seconds, enforced, tokens, source)
