"""Summaries by a language model: what is stored and served, and what happens when something changes."""

from typing import Any

from engines.in_process import load_text_embedder
from pipeline.summary.templates import DEFAULT
from services.summaries.completion import on_completed
from settings import Settings
from storage import summaries
from storage.jobs import jobs
from storage.jobs.options import JobOptions
from storage.postgres.database import Database
from storage.speakers import speakers
from tests.api.memory.conftest import Memory
from tests.api.test_search_by_meaning import embedded
from tests.storage.talks import keep
from tests.support import llm_server
from tests.support.fixed_stages import sound
from tests.support.llm_server import KEY, lines

SAID = ("We need a budget.", "I will write it by Friday.", "Who pays for it?", "The council does.")


async def test_a_summary_cites_segments_and_follows_renamings(memory: Memory, database: Database) -> None:
    id_ = await memory.keep(SAID)
    segments = (await memory.ask("GET", f"/conversations/{id_}"))["segments"]
    found = await memory.summarised(id_)
    assert memory.server.keys == {f"Bearer {KEY}"}
    assert [(number, name) for number, name, _ in lines(memory.server.requests[0])] == [
        (1, "Nick"),
        (2, "Ada"),
        (3, "Nick"),
        (4, "Ada"),
    ]
    first, last = (
        {"segment_id": segment["id"], "start_offset": segment["start_offset"]} for segment in (segments[0], segments[3])
    )
    assert found["summary"] == [
        {"text": "Nick said: We need a budget.", "citations": [first]},
        {"text": "It went on.", "citations": [last]},
    ]
    assert found["action_items"] == [
        {"text": "Write it down.", "citations": [last], "owner": "Ada", "due": "Friday"},
    ]
    assert found["questions"][0]["citations"] == [first, last]
    assert found["chapters"] == [{"title": "The beginning", **first}]
    assert (found["dropped"], found["stale"], found["model"]) == (0, False, llm_server.MODEL)
    assert (await memory.ask("GET", f"/conversations/{id_}"))["title"] == "Nick about things"

    await memory.ask("PATCH", f"/speakers/{segments[0]['speaker_id']}/rename", json={"new_name": "Nicholas"})
    renamed = await memory.summary(id_)
    assert (renamed["summary"][0]["text"], renamed["title"]) == ("Nicholas said: We need a budget.", "Nicholas about things")
    assert renamed["stale"]  # other forms of the name may be in it
    assert (await memory.ask("GET", f"/conversations/{id_}"))["title"] == "Nicholas about things"
    again = await memory.summarised(id_)
    assert not again["stale"]


async def test_an_upload_is_summarised_when_it_is_complete(memory: Memory) -> None:
    file = {"audio_file": ("call.wav", sound(), "audio/wav")}
    accepted = await memory.ask("POST", "/process", 202, files=file, headers={"Prefer": "respond-async"})
    job: Any = None
    while job is None:
        job = (await memory.summary(accepted["id"]))["job"]
    assert (job["kind"], (await memory.ended(job["id"]))["state"]) == ("summary", "completed")
    assert (await memory.summary(accepted["id"]))["summary"]
    listed = await memory.ask("GET", "/jobs")
    assert {one["kind"] for one in listed["jobs"]} == {"recording"}  # what it was for clients that know one kind
    assert {one["kind"] for one in (await memory.ask("GET", "/jobs?kind=all"))["jobs"]} == {"recording", "summary"}


async def test_a_title_that_a_person_typed_stays(memory: Memory) -> None:
    id_ = await memory.keep(SAID, title="Planning, Monday")
    found = await memory.summarised(id_)
    assert found["title"] == "Nick about things"
    assert (await memory.ask("GET", f"/conversations/{id_}"))["title"] == "Planning, Monday"


async def test_an_edit_makes_it_stale_and_a_deleted_segment_is_cited_no_more(memory: Memory) -> None:
    id_ = await memory.keep(SAID)
    segments = (await memory.ask("GET", f"/conversations/{id_}"))["segments"]
    await memory.summarised(id_)
    edit = {"text": "We need a bigger budget."}
    await memory.ask("PATCH", f"/conversations/{id_}/segments/{segments[0]['id']}", json=edit)
    assert (await memory.summary(id_))["stale"]
    await memory.ask("DELETE", f"/conversations/{id_}/segments/{segments[0]['id']}")
    left = await memory.summary(id_)
    assert [one["text"] for one in left["summary"]] == ["It went on."]
    assert (left["dropped"], left["chapters"]) == (1, [])
    assert [one["citations"][0]["segment_id"] for one in left["questions"]] == [segments[3]["id"]]


async def test_an_erased_conversation_or_speaker_is_in_no_summary(memory: Memory, database: Database) -> None:
    one, other = await memory.keep(SAID), await memory.keep(SAID, ("Bob", "Eve"))
    memory.server.answers = [
        lambda _: {"title": "With Nick", "summary": [{"text": "Nick was talked about.", "lines": [1]}]},
        lambda _: {"title": "With Nick", "summary": [{"text": "Nick talked.", "lines": [1]}]},
    ]
    await memory.summarised(other)
    await memory.summarised(one)
    async with database.session() as session:
        nick = await speakers.find(session, "Nick")
    assert nick is not None
    await memory.ask("POST", f"/speakers/{nick}/erase", json={"confirm": True})
    for id_ in (one, other):  # also where others talk about the person
        found = await memory.summary(id_)
        assert (found["title"], found["summary"]) == (None, [])
        assert "Nick" not in (await memory.ask("GET", f"/conversations/{id_}"))["title"]


async def test_without_a_language_model_the_sentence_says_what_to_do(start: Any) -> None:
    memory = await start(llm_url=None, llm_model=None, llm_api_key=None)
    id_ = await memory.keep(SAID)
    refused = await memory.ask("POST", f"/conversations/{id_}/summary", 503)
    assert "LLM_URL" in refused["detail"]
    assert (await memory.summary(id_))["summary"] == []
    assert (await memory.ask("GET", "/status"))["language_model"] is None


async def test_the_status_says_where_text_goes_and_never_the_key(memory: Memory) -> None:
    status = await memory.ask("GET", "/status")
    assert status["language_model"] == {"model": "test-model", "server": memory.server.url.split("/")[2]}
    settings = await memory.ask("GET", "/settings/summaries")
    assert settings["model"] == "test-model"
    assert KEY not in str((status, settings))


async def test_templates_that_people_add_reach_the_model(memory: Memory) -> None:
    id_ = await memory.keep(SAID)
    text = {"instructions": "This is a sales call. Name the budget."}
    await memory.ask("PUT", "/settings/summaries/templates/sales-call", json=text)
    await memory.ask("PUT", "/settings/summaries/templates/meeting", 409, json=text)
    await memory.ask("PUT", "/settings/summaries/templates/sales-call", 422, json={"instructions": "Name the\0budget."})
    found = await memory.summarised(id_, json={"template": "sales-call"})
    assert found["template"] == "sales-call"
    assert text["instructions"] in memory.server.requests[-1]["messages"][0]["content"]
    listed = {one["name"]: one["built_in"] for one in (await memory.ask("GET", "/settings/summaries"))["templates"]}
    assert (listed["general"], listed["sales-call"]) == (True, False)
    await memory.ask("DELETE", "/settings/summaries/templates/sales-call", 204)
    await memory.ask("POST", f"/conversations/{id_}/summary", 404, json={"template": "sales-call"})


RIVER = "The river Elbe flooded the old bridge, and the old bridge of the river Elbe is closed, number {}."
GARDEN = "Tomatoes and basil grow in my garden, as tomatoes need basil in a garden, number {}."


async def test_a_completion_keeps_the_template_of_a_summary_that_is_queued(database: Database) -> None:
    settings = Settings(llm_url="http://127.0.0.1:1/v1", llm_model="m")
    conversation, _ = await keep(database, [1, 2])
    async with database.session() as session:
        queued = await summaries.enqueue(session, conversation, "my own", "asked")
        await on_completed(session, settings, conversation, "uploaded", "http://example.org/done")
        await on_completed(session, settings, conversation, "uploaded", "http://example.org/other")
        assert await jobs.webhook_url(session, queued) == "http://example.org/done"
        lease = await jobs.claim(session, "summarises", kind="summary")
        assert lease is not None
        assert (lease.id, lease.options) == (queued, JobOptions(template="my own", request_id="asked"))
        await on_completed(session, settings, conversation, "uploaded", "http://example.org/done")
        again = await jobs.claim(session, "summarises", kind="summary")
        assert again is not None
        assert again.options == JobOptions(template=DEFAULT, request_id="uploaded")
        assert await summaries.enqueue(session, conversation, None) == await summaries.enqueue(session, conversation, "mine")
        changed = await jobs.claim(session, "summarises", kind="summary")
        assert changed is not None
        assert changed.options.template == "mine"


async def test_without_a_language_model_titles_and_chapters_are_found_by_rules(start: Any, database: Database) -> None:
    memory = await start(load_text_embedder(Settings(cpu_threads=1)), llm_url=None, llm_model=None, llm_api_key=None)
    id_ = await memory.keep([line.format(i) for line in (RIVER, GARDEN) for i in range(15)])
    await embedded(database)
    found = await memory.summary(id_)
    segments = (await memory.ask("GET", f"/conversations/{id_}"))["segments"]
    assert (found["model"], found["summary"], found["title"]) == (None, [], None)
    assert [one["segment_id"] for one in found["chapters"]] == [segments[0]["id"], segments[15]["id"]]
    assert "garden" not in found["chapters"][0]["title"].casefold()
    assert "basil" in found["chapters"][1]["title"].casefold()
    typed = await memory.keep([RIVER.format(i) for i in range(15)], title="Planning")
    async with database.session() as session:
        for one in (id_, typed):
            await on_completed(session, Settings(), one)
    titles = [(await memory.ask("GET", f"/conversations/{one}"))["title"] for one in (id_, typed)]
    assert titles[0].startswith("Nick, Ada: ")
    assert titles[1] == "Planning"
