"""Sentence embeddings of a server with OpenAI's `/v1/embeddings`: hosted ones, Ollama, vLLM, llama.cpp, Ray Serve LLM."""

import base64
from collections.abc import Sequence

import httpx
import numpy as np
from pydantic import BaseModel, ValidationError

from engines.sentences.encoder import Encoded, normalized
from pipeline.stages import TextsNotEmbeddedError
from settings import uses_proxy

TIMEOUT_S = 30.0
MAX_TEXTS = 64
"""In a request; some servers take no more."""
MAX_CHARACTERS = 2000
"""Of a text, so that it has fewer than 512 tokens in most languages: servers refuse longer ones, or cut them."""
MAX_ANSWER_BYTES = 64 << 20
MAX_DIMENSION = 4000
"""pgvector indexes no longer vectors (halfvec)."""


class _Item(BaseModel):
    index: int
    embedding: list[float] | str
    """Numbers, or float32 in base64."""


class _Answer(BaseModel):
    data: list[_Item]


class RemoteEncoder:
    """One connection is kept open. Raises TextsNotEmbeddedError where the server gives no vectors."""

    def __init__(self, url: str, model: str, api_key: str | None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._url, self._model = url.rstrip("/") + "/embeddings", model
        self._key = api_key
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S, trust_env=uses_proxy(url))

    def encode(self, texts: Sequence[str]) -> Encoded:
        cut = tuple(position for position, text in enumerate(texts) if len(text) > MAX_CHARACTERS)
        short = [text[:MAX_CHARACTERS] for text in texts]
        parts = [self._request(short[start : start + MAX_TEXTS]) for start in range(0, len(short), MAX_TEXTS)]
        return Encoded(normalized(np.concatenate(parts)), cut)

    def _request(self, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        try:
            with self._client.stream("POST", self._url, json={"model": self._model, "input": list(texts)}) as response:
                body = b"".join(_bounded(response))
                if response.is_error:
                    raise self._failed(f"it answers {response.status_code}: {body[:200].decode(errors='replace')}")
            items = sorted(_Answer.model_validate_json(body).data, key=lambda item: item.index)
            rows = [_values(item.embedding) for item in items]
            vectors = np.asarray(rows, np.float32).reshape(len(texts), -1)
        except httpx.HTTPError as error:
            raise self._failed(str(error) or type(error).__name__) from error
        except (ValidationError, ValueError) as error:
            raise self._failed("its answer is not one vector of numbers for each text") from error
        if not 0 < vectors.shape[1] <= MAX_DIMENSION or not np.isfinite(vectors).all():
            raise self._failed(f"a vector must have 1 to {MAX_DIMENSION} finite numbers")
        return vectors

    def _failed(self, why: str) -> TextsNotEmbeddedError:
        shown = why.replace(self._key, "…") if self._key else why
        return TextsNotEmbeddedError(f"{self._url} (TEXT_EMBEDDING_URL) embeds no texts: {shown}.")


def _bounded(response: httpx.Response) -> list[bytes]:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise ValueError("The answer is too large.")
    return parts


def _values(embedding: list[float] | str) -> list[float]:
    if isinstance(embedding, list):
        return embedding
    values: list[float] = np.frombuffer(base64.b64decode(embedding), "<f4").tolist()
    return values
