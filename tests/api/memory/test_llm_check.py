"""The check of the language model: what it finds, and sentences that say what is wrong, without the key."""

import asyncio
from typing import Any

import pytest

from services.llm import check, context_size
from services.llm.model import LanguageModel
from settings import Settings
from storage.postgres.database import Database
from tests.api.memory.conftest import Memory
from tests.support.llm_server import KEY, MODEL
from tests.support.ports import free_port

PATH = "/settings/summaries/check"
HELLO = {"greeting": "hello_there"}


async def test_a_server_that_enforces_schemas(memory: Memory) -> None:
    memory.server.context = 32768
    memory.server.answers = [lambda body: {"greeting": _schema(body)["properties"]["greeting"]["const"]}]
    found = await memory.ask("POST", PATH)
    assert 0 < found.pop("seconds") < 120
    assert found == {
        "model": MODEL, "server": memory.server.url.split("/")[2], "json_schema": True, "context_tokens": 32768,
        "context_source": "server", "error": None,
    }  # fmt: skip
    [request] = memory.server.requests
    assert request["messages"] == check.MESSAGES  # no transcript, and nothing that only the schema says
    assert memory.server.keys == {f"Bearer {KEY}"}


def _schema(body: dict[str, Any]) -> Any:
    return body["response_format"]["json_schema"]["schema"]


async def test_the_context_is_read_anew_each_time(start: Any, memory: Memory) -> None:
    memory.server.answers = [lambda _: HELLO] * 3
    first = await memory.ask("POST", PATH)
    assert (first["context_tokens"], first["context_source"]) == (8192, "default")
    memory.server.context = 4096
    second = await memory.ask("POST", PATH)
    assert (second["context_tokens"], second["context_source"]) == (4096, "server")
    other = await start(llm_context_tokens=2048)
    third = await other.ask("POST", PATH)
    assert (third["context_tokens"], third["context_source"]) == (2048, "setting")


async def test_the_context_of_ray_serve_llm(memory: Memory) -> None:
    memory.server.metadata = {"max_request_context_length": 16384}
    memory.server.answers = [lambda _: HELLO]
    found = await memory.ask("POST", PATH)
    assert (found["context_tokens"], found["context_source"]) == (16384, "server")


async def test_the_context_of_a_server_that_is_being_started_is_asked_for_again(
    memory: Memory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.server.listing, memory.server.context = asyncio.Event(), 32768
    model = LanguageModel(Settings(llm_url=memory.server.url, llm_model=MODEL), database)
    with monkeypatch.context() as impatient:
        impatient.setattr(context_size, "PROBE_TIMEOUT_S", 0.2)
        assert await model.context_tokens() == context_size.DEFAULT_TOKENS
    memory.server.listing.set()
    assert await model.context_tokens() == 32768
    await model.close()


@pytest.mark.parametrize("answer", ["Hello! How can I help you?", {"greeting": "Hello!"}])
async def test_a_server_that_ignores_the_schema_can_be_used(memory: Memory, answer: Any) -> None:
    memory.server.answers = [lambda _: answer]
    found = await memory.ask("POST", PATH)
    assert (found["json_schema"], found["error"]) == (False, None)


async def test_a_server_that_refuses_schemas_is_asked_without(memory: Memory) -> None:
    memory.server.refused_forms = {"json_schema"}
    memory.server.answers = [lambda _: "Hello!"]
    found = await memory.ask("POST", PATH)
    assert (found["json_schema"], found["error"]) == (False, None)
    assert "response_format" not in memory.server.requests[-1]


@pytest.mark.parametrize(
    ("status", "sentence"), [(401, "check LLM_API_KEY"), (404, "check LLM_MODEL and LLM_URL"), (400, "refuses the request")]
)
async def test_a_refusal_is_a_sentence_without_the_key(memory: Memory, status: int, sentence: str) -> None:
    memory.server.statuses = [status, status]
    found = await memory.ask("POST", PATH)
    assert sentence in found["error"]
    assert KEY not in str(found)
    assert (found["json_schema"], found["context_tokens"], found["context_source"]) == (None, None, None)


async def test_a_server_that_is_not_there(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.llm.client.RETRY_DELAY_S", 0.0)
    memory = await start(llm_url=f"http://127.0.0.1:{free_port()}/v1")
    assert "check LLM_URL, and that it runs" in (await memory.ask("POST", PATH))["error"]


async def test_a_server_that_never_answers(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "TIMEOUT_S", 0.2)
    memory.server.gate = asyncio.Event()
    assert "does not answer within" in (await memory.ask("POST", PATH))["error"]


async def test_it_counts_for_the_budget_of_the_day(start: Any) -> None:
    memory = await start(llm_tokens_per_day=100)
    assert "LLM_TOKENS_PER_DAY" in (await memory.ask("POST", PATH))["error"]
    assert memory.server.requests == []


async def test_without_a_language_model_there_is_nothing_to_check(start: Any) -> None:
    memory = await start(llm_url=None, llm_model=None, llm_api_key=None)
    assert "LLM_URL" in (await memory.ask("POST", PATH, 503))["detail"]
