"""Ask the archive: answers cite segments that the caller may see, and nothing is answered without them."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from engines.in_process import load_text_embedder
from services.answers.ask import NOT_FOUND, complete_statements
from settings import Settings
from storage.postgres.database import Database
from storage.tables import Conversation
from tests.api.memory.conftest import Memory
from tests.api.test_search_by_meaning import embedded
from tests.support.llm_server import data, lines

BRIDGE = ("The bridge over the Elbe costs nine million.", "That is too much for us.", "Then we repair it.", "Agreed.")
GARDEN = ("My tomatoes are ripe already.", "Mine are not.")


async def test_an_answer_cites_what_was_said(memory: Memory) -> None:
    bridge = await memory.keep(BRIDGE, title="Planning")
    await memory.keep(GARDEN, ("Bob", "Eve"))
    memory.server.answers = [
        lambda _: {
            "found": True,
            "statements": [
                {"text": "The bridge costs nine million.", "lines": [1]},
                {"text": "It is made of gold.", "lines": [77]},
                {"text": 'Ada said "it is far too expensive".', "lines": [2]},
            ],
        }
    ]
    found = await memory.ask("POST", "/ask", json={"question": "What does the bridge cost?"})
    [request] = memory.server.requests
    assert "# Planning, " in data(request)
    assert [text for _, _, text in lines(request)] == list(BRIDGE[:3])  # the hit with its neighbours, and nothing else
    [statement] = found["statements"]
    assert (found["found"], found["answer"], found["dropped"]) == (True, "The bridge costs nine million.", 2)
    [source] = statement["citations"]
    assert (source["conversation_id"], source["title"], source["speaker_name"]) == (bridge, "Planning", "Nick")
    assert (source["text"], source["start_offset"]) == (BRIDGE[0], 0.0)


async def test_nothing_is_asked_of_the_model_where_nothing_is_found(memory: Memory) -> None:
    await memory.keep(GARDEN)
    found = await memory.ask("POST", "/ask", json={"question": "What does the bridge cost?"})
    assert (found["found"], found["answer"], found["statements"]) == (False, NOT_FOUND, [])
    await memory.ask("POST", "/ask", 404, json={"question": "What does the bridge cost?", "speaker": "Nobody"})
    await memory.ask("POST", "/ask", 422, json={"question": "What does the bridge cost?", "speaker": "No\0body"})
    assert memory.server.requests == []


async def test_an_answer_without_support_is_none(memory: Memory) -> None:
    await memory.keep(BRIDGE)
    memory.server.answers = [
        lambda _: {"found": False, "statements": []},
        lambda _: {"found": True, "statements": [{"text": "Gold, surely.", "lines": []}]},
    ]
    for dropped in (0, 1):
        found = await memory.ask("POST", "/ask", json={"question": "Of what is the bridge made?"})
        assert (found["found"], found["answer"], found["dropped"]) == (False, NOT_FOUND, dropped)


async def test_only_what_the_caller_sees_is_read(memory: Memory, database: Database) -> None:
    secret, open_ = await memory.keep(BRIDGE), await memory.keep(("The bridge is old.", "Very."), ("Bob", "Eve"))
    async with database.session() as session:
        await session.execute(update(Conversation).where(Conversation.id == secret).values(visibility="private"))
    key = (await memory.ask("POST", "/keys", 201, json={"name": "a reader", "role": "reader"}))["key"]
    question, reader = {"question": "What of the bridge?"}, {"Authorization": f"Bearer {key}"}
    found = await memory.ask("POST", "/ask", json=question, headers=reader)
    assert "nine million" not in json.dumps(memory.server.requests)
    assert {one["conversation_id"] for one in found["statements"][0]["citations"]} == {open_}
    await memory.ask("POST", "/ask", 404, json={**question, "conversation_id": secret}, headers=reader)


async def test_statements_are_streamed_as_they_are_written(memory: Memory) -> None:
    await memory.keep(BRIDGE)
    events: list[tuple[str, Any]] = []
    headers = {"Accept": "text/event-stream"}
    question = {"question": "What does the bridge cost?"}
    async with memory.application.client.stream("POST", "/ask", json=question, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event = ""
        async for line in answer.aiter_lines():
            if line.startswith("event:"):
                event = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                events.append((event, json.loads(line.removeprefix("data:"))))
    assert [name for name, _ in events] == ["statement", "answer"]
    assert events[0][1] == events[1][1]["statements"][0]
    memory.server.statuses = [401]
    async with memory.application.client.stream("POST", "/ask", json=question, headers=headers) as answer:
        text = (await answer.aread()).decode()
    assert "event: error" in text
    assert "LLM_API_KEY" in text


@pytest.mark.parametrize(("status", "answered"), [(401, 502), (404, 502)])
async def test_a_failing_model_is_told(memory: Memory, status: int, answered: int) -> None:
    await memory.keep(BRIDGE)
    memory.server.statuses = [status]
    failed = await memory.ask("POST", "/ask", answered, json={"question": "What does the bridge cost?"})
    assert "check LLM_" in failed["detail"]


async def test_agents_ask_over_mcp(memory: Memory) -> None:
    bridge = await memory.keep(BRIDGE)
    app, arguments = memory.application.app, {"question": "What does the bridge cost?"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask_memory", "arguments": arguments}}
    async with app.router.lifespan_context(app):
        answer = await memory.application.client.post("http://localhost/mcp", json=request)
        memory.server.statuses = [401]
        refused = await memory.application.client.post("http://localhost/mcp", json=request)
    result = answer.json()["result"]["structuredContent"]
    [statement] = result["statements"]
    assert (result["found"], result["answer"]) == (True, statement["text"])
    assert [(one["conversation_id"], one["text"]) for one in statement["sources"]] == [(bridge, BRIDGE[0])]
    assert "check LLM_API_KEY" in refused.text


async def test_without_a_language_model_the_remedy_is_told(start: Any) -> None:
    memory = await start(llm_url=None, llm_model=None, llm_api_key=None)
    refused = await memory.ask("POST", "/ask", 503, json={"question": "What does the bridge cost?"})
    assert "LLM_URL" in refused["detail"]


async def test_a_question_in_other_words_is_answered_by_meaning(start: Any, database: Database) -> None:
    memory = await start(text=load_text_embedder(Settings(cpu_threads=1)))
    await memory.keep(BRIDGE)
    await memory.keep(GARDEN, ("Bob", "Eve"))
    await embedded(database)
    memory.server.answers = [lambda body: {"found": True, "statements": [{"text": "Ripe.", "lines": [lines(body)[0][0]]}]}]
    await memory.ask("POST", "/ask", json={"question": "Wie steht es um das Gemüse?"})
    assert set(GARDEN) <= {text for _, _, text in lines(memory.server.requests[0])}


def test_statements_are_read_from_an_answer_that_is_not_complete() -> None:
    whole = '{"found": true, "statements": [{"text": "A.", "lines": [1]}, {"text": "B \\"]\\"", "lines": [2, 3]}]}'
    seen = [len(complete_statements(whole[:end])) for end in range(len(whole) + 1)]
    assert seen == sorted(seen)
    assert [(one.text, one.lines) for one in complete_statements(whole)] == [("A.", [1]), ('B "]"', [2, 3])]
