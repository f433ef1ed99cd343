"""How many tokens the language model takes: the setting, or what its server says."""

from collections.abc import Mapping
from typing import Any

import httpx

DEFAULT_TOKENS = 8192
OLLAMA_DEFAULT_TOKENS = 4096
"""Of a model without `num_ctx`; what exceeds it Ollama leaves out without an error."""
MIN_TOKENS = 1024
PROBE_TIMEOUT_S = 10.0
FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx", "max_request_context_length")
"""Names of the context's size in `/v1/models`: of vLLM, of OpenRouter and Together, of Groq, of LM Studio, of llama.cpp, of Ray
Serve LLM, which has it in `metadata`."""


async def probe(http: httpx.AsyncClient, url: str, model: str) -> int | None:
    """The size that the server reports; None if it reports none.

    Raises httpx.TimeoutException, httpx.ConnectError where it does not answer, as one that is being started.
    """
    root = url.rstrip("/").removesuffix("/v1")
    # Ollama first: its list of models has the maximum of a model, not the size in use.
    for read in (_ollama, _openai, _llama_cpp):
        try:
            if (found := await read(http, root, url.rstrip("/"), model)) is not None:
                return max(found, MIN_TOKENS)
        except (httpx.TimeoutException, httpx.ConnectError):
            raise
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, KeyError):
            continue
    return None


async def _ollama(http: httpx.AsyncClient, root: str, _url: str, model: str) -> int | None:
    answer = await http.post(f"{root}/api/show", json={"model": model}, timeout=PROBE_TIMEOUT_S)
    if not answer.is_success or "model_info" not in (found := answer.json()):
        return None
    for line in str(found.get("parameters", "")).splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx":
            return int(value)
    running = (await http.get(f"{root}/api/ps", timeout=PROBE_TIMEOUT_S)).json()
    for one in running.get("models", []):
        if model in (one.get("model"), one.get("name")) and (size := _number(one)) is not None:
            return size
    return OLLAMA_DEFAULT_TOKENS


async def _openai(http: httpx.AsyncClient, _root: str, url: str, model: str) -> int | None:
    found = (await http.get(f"{url}/models", timeout=PROBE_TIMEOUT_S)).json()
    for one in found.get("data", []):
        if one.get("id") == model:
            return _number(one) or _number(one.get("metadata", {}))
    return None


async def _llama_cpp(http: httpx.AsyncClient, root: str, _url: str, _model: str) -> int | None:
    found = (await http.get(f"{root}/props", timeout=PROBE_TIMEOUT_S)).json()
    return _number(found.get("default_generation_settings", {}))


def _number(found: Mapping[str, Any]) -> int | None:
    sizes = (found.get(name) for name in FIELDS)
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)
