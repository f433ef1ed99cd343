"""The summary beside a transcript, and questions to the archive, with a language model that is a real HTTP server."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect
from pydantic import SecretStr
from sqlalchemy import text, update

from settings import Settings
from storage.audio import AudioStore
from storage.postgres.database import Database
from storage.tables import Speaker
from tests.browser.checks import check_accessibility, check_that_the_text_stays, open_page
from tests.storage.archive import add_speaker, add_talk
from tests.storage.transcripts import MODEL
from tests.support import llm_server
from tests.support.application import serving
from tests.support.llm_server import LlmServer
from vivavoce.sample import recording


@pytest.fixture
async def model() -> AsyncIterator[LlmServer]:
    async with llm_server.llm_server() as found:
        yield found


@pytest.fixture
async def address(database: Database, database_url: str, tmp_path: Path, model: LlmServer) -> AsyncIterator[str]:
    async def fill(database: Database) -> None:
        key = await AudioStore(str(tmp_path)).put(recording(), recording().suffix)
        async with database.session() as session:
            people = [await add_speaker(session, name, seed) for seed, name in enumerate(("Ana", "Bo"))]
            await add_talk(session, people, lines=6)
            await session.execute(text("UPDATE conversations SET audio_key = :key"), {"key": key})

    key = SecretStr(llm_server.KEY)
    settings = Settings(speaker_threshold=0.5, llm_url=model.url, llm_model=llm_server.MODEL, llm_api_key=key)
    server = serving(settings, database_url, tmp_path, MODEL, fill)
    address = await asyncio.to_thread(server.__enter__)
    yield address
    await asyncio.to_thread(server.__exit__, None, None, None)


async def test_a_summary_is_asked_for_read_and_renewed(
    address: str, window: BrowserContext, model: LlmServer, database: Database
) -> None:
    page, shown = await open_page(window, f"{address}/c/1")
    about = page.get_by_role("complementary", name="About this conversation")
    await expect(about).to_contain_text("The transcript is sent to test-model at 127.0.0.1")
    model.finish_reason = "length"
    await about.get_by_role("button", name="Summarise").click()
    await expect(about.get_by_role("alert")).to_contain_text("LLM_CONTEXT_TOKENS")
    model.finish_reason = "stop"
    await about.get_by_role("button", name="Try again").click()
    await expect(about.get_by_role("region", name="Summary")).to_contain_text("Ana said: Line 0.")
    actions = about.get_by_role("region", name="Action items")
    await expect(actions).to_contain_text("Write it down. Bo, Friday")
    await check_accessibility(page)
    await actions.get_by_role("button", name="Play from 0:10").click()
    position = page.get_by_role("slider", name="Position", exact=True)
    await expect(position).to_have_attribute("aria-valuetext", re.compile("^0:1"))
    chapter = page.get_by_role("region", name="Timeline").get_by_role("list", name="Chapters").get_by_role("button")
    await expect(chapter).to_have_text("The beginning")
    await expect(chapter).to_have_accessible_name("Play the chapter The beginning from 0:00")
    await chapter.press("Enter")
    await expect(position).to_have_attribute("aria-valuetext", re.compile("^0:0"))
    async with database.session() as session:
        await session.execute(update(Speaker).where(Speaker.name == "Ana").values(name="Anna"))
    summary = about.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("Anna said: Line 0.")
    await expect(summary).to_contain_text("have changed since")
    await summary.get_by_role("button", name="Renew").click()
    await expect(summary).not_to_contain_text("have changed since")
    assert shown == []
    again = await window.new_page()
    await check_that_the_text_stays(again, f"{address}/c/1")
    await expect(again.get_by_role("list", name="Chapters").first).to_be_visible()


async def test_the_archive_is_asked(address: str, window: BrowserContext, model: LlmServer) -> None:
    page, shown = await open_page(window, address)
    await page.get_by_role("button", name="Ask").click()
    dialog = page.get_by_role("dialog", name="Ask the archive")
    await expect(dialog).to_contain_text("is sent to test-model at 127.0.0.1")
    await ask(page, "Who said line 3?")
    answer = dialog.get_by_role("region", name="Answer")
    await expect(answer).to_contain_text("said it.")
    await expect(answer.get_by_role("link").first).to_have_attribute("href", re.compile(r"^/c/1\?t="))
    await check_accessibility(page)
    await ask(page, "Where is the parrot?")
    await expect(answer).to_contain_text("I do not find that in the conversations that you can see.")
    model.statuses = [401]
    await ask(page, "Who said line 3?")
    await expect(answer).to_contain_text("check LLM_API_KEY")
    await ask(page, "Who said line 3?")
    await answer.get_by_role("link").first.click()
    await expect(page.get_by_role("heading", name="A talk")).to_be_visible()
    assert shown == []


async def ask(page: Page, question: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Question").fill(question)
    await dialog.get_by_role("button", name="Ask").click()


async def test_the_language_model_is_tested_and_templates_are_changed(
    address: str, window: BrowserContext, model: LlmServer
) -> None:
    page, shown = await open_page(window, f"{address}/settings/summaries")
    part = page.get_by_role("region", name="Language model")
    await expect(part).to_contain_text("test-model")
    model.statuses = [401]
    await part.get_by_role("button", name="Test").click()
    await expect(part.get_by_role("alert")).to_contain_text("check LLM_API_KEY")
    await expect(part).not_to_contain_text(llm_server.KEY)
    model.context = 16384
    model.answers = [lambda _: {"greeting": "hello_there"}]
    await part.get_by_role("button", name="Test").click()
    await expect(part.get_by_role("status")).to_contain_text("It answers, after")
    await expect(part.get_by_role("status")).to_contain_text("The server enforces a JSON schema.")
    await expect(part.get_by_role("status")).to_contain_text("16,384 tokens (as the server reports)")
    await expect(part.get_by_role("alert")).to_have_count(0)

    templates = page.get_by_role("list", name="Templates of summaries")
    await expect(templates.get_by_role("listitem").filter(has_text="lecture")).to_contain_text("built in")
    await expect(templates.get_by_role("button")).to_have_count(0)
    await page.get_by_role("button", name="Add a template").click()
    dialog = page.get_by_role("dialog", name="Add a template")
    await dialog.get_by_label("Name").fill("meeting")
    await expect(dialog).to_contain_text("There is a template with this name.")
    await dialog.get_by_label("Name").fill("sales-call")
    await dialog.get_by_label("Instructions").fill("Name the budget.")
    await check_accessibility(page)
    await dialog.get_by_role("button", name="Save").click()
    await expect(templates).to_contain_text("Name the budget.")
    await templates.get_by_role("button", name="Change sales-call").click()
    await page.get_by_role("dialog").get_by_label("Instructions").fill("Name the objections.")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(templates).to_contain_text("Name the objections.")

    await page.goto(f"{address}/c/1")
    about = page.get_by_role("complementary", name="About this conversation")
    await about.get_by_role("combobox", name="Template").select_option("sales-call")
    await about.get_by_role("button", name="Summarise").click()
    await expect(about.get_by_role("region", name="Summary")).to_contain_text("Ana said: Line 0.")
    assert "Name the objections." in model.requests[-1]["messages"][0]["content"]
    await expect(about.get_by_role("combobox", name="Template")).to_have_value("sales-call")
    await check_accessibility(page)

    await page.goto(f"{address}/settings/summaries")
    await templates.get_by_role("button", name="Delete sales-call").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(templates).not_to_contain_text("sales-call")
    assert shown == []
