"""Every change over REST and MCP leaves an entry in the audit log, in its own transaction."""

import asyncio
import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from mcp_server.server import READ, TOOLS
from pipeline.stages import Stages
from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from storage.tables import AuditEntry, Base, Usage
from tests.api.mcp.conftest import held
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.support.application import Application, answering, connected
from tests.support.fixed_stages import FixedStages, sound
from tests.support.ports import free_port

CHANGES_NOTHING = {
    ("POST", "/ask"),
    ("POST", "/evaluation"),
    ("POST", "/settings/summaries/check"),
    ("POST", "/streaming/ticket"),
    ("POST", "/v1/audio/transcriptions"),
    ("POST", "/v1/audio/translations"),
}
"""Routes that only read, or prepare a change that is recorded, though they are no GET."""
PASSWORD = "four words nobody guesses"
RTTM = b"SPEAKER call 1 0 60 <NA> <NA> Ana <NA> <NA>"
C, S = "/conversations/{conversation_id}", "/conversations/{conversation_id}/segments/{segment_id}"
P, E = "/profiles/{name}", "/speakers/{speaker_id}/emotion-profiles"


class Trail:
    """Makes each change twice: first with a log that refuses entries, so that nothing may change, then with one that works."""

    def __init__(self, application: Application, database: Database, values: dict[str, Any]) -> None:
        self.application = application
        self.database = database
        self.values = values
        """For the parameters of paths."""
        self.walked: set[tuple[str, str]] = set()

    async def rest(self, method: str, path: str, **request: Any) -> Any:
        self.walked.add((method, path))

        async def send() -> httpx.Response:
            return await self.application.client.request(method, path.format_map(self.values), **request)

        async with self._refusing(f"{method} {path}"):
            answer = await send()
            assert answer.status_code >= 500, (method, path, answer.text)
        before = await self.entries()
        answer = await send()
        assert answer.is_success, (method, path, answer.text)
        assert await self.entries() > before, (method, path)
        return answer.json() if answer.headers.get("content-type") == "application/json" else None

    async def tool(self, name: str, **arguments: Any) -> None:
        self.walked.add(("tool", name))
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        headers = {"Accept": "application/json, text/event-stream"}

        async def send() -> dict[str, Any]:
            answer = await self.application.client.post("http://localhost/mcp", json=body, headers=headers)
            found: dict[str, Any] = answer.json()["result"]
            return found

        async with self._refusing(name):
            assert (await send())["isError"], name
        before = await self.entries()
        done = await send()
        assert not done.get("isError"), (name, done)
        assert await self.entries() > before, name

    async def entries(self) -> int:
        async with self.database.session() as session:
            return (await session.execute(select(func.count()).select_from(AuditEntry))).scalar_one()

    @asynccontextmanager
    async def _refusing(self, what: str) -> AsyncIterator[None]:
        before = await self._contents()
        await self._log_refuses(True)
        try:
            yield
        finally:
            await self._log_refuses(False)
        assert await self._contents() == before, f"{what} changes something that it does not record"

    async def _log_refuses(self, refuses: bool) -> None:
        async with self.database.session() as session:
            await session.execute(text(f"ALTER TABLE audit_log {'ENABLE' if refuses else 'DISABLE'} TRIGGER full_log"))

    async def _contents(self) -> dict[str, str]:
        rows = "SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t"
        async with self.database.session() as session:
            return {
                table.name: (await session.execute(text(rows.format(table.name)))).scalar_one()
                for table in Base.metadata.sorted_tables
                if table is not Usage.__table__  # counts attempts to log in, also those that fail
            }


@pytest.fixture
async def trail(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Trail]:
    fixed = FixedStages()
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold, data_path=tmp_path, private_urls=True)
    settings = settings.model_copy(update={"llm_url": "http://127.0.0.1:9/v1", "llm_model": "none"})
    stages = Stages(fixed, fixed, fixed, fixed)
    async with database.session() as session:
        refuse = "CREATE OR REPLACE FUNCTION full_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$"
        await session.execute(text(refuse))
        await session.execute(text("CREATE TRIGGER full_log BEFORE INSERT ON audit_log EXECUTE FUNCTION full_log()"))
        await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER full_log"))
    async with connected(settings, database_url, tmp_path / "audio", stages, MODEL) as context:
        recording = tmp_path / "talk.wav"
        await asyncio.to_thread(recording.write_bytes, sound(30.0))
        values: dict[str, Any] = {"name": "home", "emotion": "happy"}
        async with database.session() as session:
            for number in (1, 2):
                key = await context.store.put(recording, ".wav")
                id_ = await conversations.create(session, f"Talk {number}", key, "wav")
                await transcripts.save(session, id_, talk([voice(number), voice(number + 10)], lines=6), RULES)
                found = await conversations.get(session, id_)
                assert found is not None
                values |= {f"talk_{number}": id_, f"lines_{number}": [segment.id for segment in found.segments]}
        values |= {"conversation_id": values["talk_1"], "segment_id": values["lines_1"][0]}
        async with answering(context) as application, held(application.app.router.lifespan_context(application.app)):
            yield Trail(application, database, values)
    async with database.session() as session:
        await session.execute(text("DROP TRIGGER full_log ON audit_log"))


@pytest.fixture
def recording_url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "talk.wav").write_bytes(sound())
    port = free_port()
    handler = functools.partial(_Quiet, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{port}/talk.wav"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


async def test_every_route_that_changes_something_records_it(trail: Trail, recording_url: str) -> None:
    await recordings(trail, recording_url)
    await edits(trail)
    await corrections(trail)
    await speakers(trail)
    await profiles(trail)
    await access(trail)
    await summaries(trail)
    for path in (f"{C}/transcript", f"{C}/transcript?format=srt"):
        await trail.rest("GET", path)
    await trail.rest("POST", "/conversations/export", json={"ids": [trail.values["talk_1"]]})
    await trail.rest("DELETE", C)
    trail.values["conversation_id"] = trail.values["talk_2"]
    await trail.rest("POST", f"{C}/erase")
    unsafe = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in trail.application.app.openapi()["paths"].items()
        for method in methods
        if method in ("post", "put", "patch", "delete")
    }
    assert unsafe - trail.walked == CHANGES_NOTHING


async def recordings(trail: Trail, url: str) -> None:
    upload = {"audio_file": ("a.wav", sound())}
    await trail.rest("POST", "/process", files=upload, headers={"Prefer": "respond-async"})
    await trail.rest("POST", "/process/url", data={"url": url}, headers={"Prefer": "respond-async"})
    await trail.rest("POST", "/process/batch", files=[("audio_files", ("b.wav", sound()))])
    trail.values["conversation_id"] = trail.values["talk_2"]
    queued = await trail.rest("POST", f"{C}/reprocess", headers={"Prefer": "respond-async"})
    trail.values |= {"job_id": queued["job_id"], "conversation_id": trail.values["talk_1"]}
    await trail.rest("POST", "/jobs/{job_id}/cancel")
    await trail.rest("POST", "/jobs/{job_id}/retry")
    await trail.rest("PATCH", C, json={"title": "New"})
    await trail.rest("PATCH", C, json={"title": "Newer", "tags": ["Work"]})
    await trail.rest("POST", "/conversations/bulk", json={"ids": [trail.values["talk_1"]], "action": "add_tags", "tags": ["a"]})
    await trail.rest("POST", f"{C}/rematch")
    await trail.rest("POST", f"{C}/labels/rttm", files={"file": ("a.rttm", RTTM)})
    await trail.rest("PUT", f"{S}/label", json={"speaker_name": "Ana"})
    await trail.rest("DELETE", f"{S}/label")


async def edits(trail: Trail) -> None:
    trail.values["segment_id"], former = trail.values["lines_1"][3], trail.values["segment_id"]
    await trail.rest("PATCH", S, json={"text": "Another line."})
    await trail.rest("POST", f"{C}/undo")
    await trail.rest("POST", f"{C}/redo")
    await trail.rest("POST", f"{C}/replace", json={"find": "other", "replace": "ordinary", "dry_run": False})
    await trail.rest("POST", f"{S}/split", json={"word": 1})
    await trail.rest("POST", f"{S}/join")
    await trail.rest("DELETE", S)
    await trail.rest("POST", f"{C}/undo")
    trail.values["segment_id"] = former


async def corrections(trail: Trail) -> None:
    named = await trail.rest("POST", f"{S}/identify", json={"speaker_name": "Ada"})
    trail.values["speaker_id"] = named["speaker_id"]
    await trail.rest("POST", f"{S}/correct-emotion", json={"corrected_emotion": "happy"})
    await trail.rest("PATCH", f"{S}/emotion-misidentified", json={"is_misidentified": True})
    await trail.rest("PATCH", f"{S}/emotion-misidentified", json={"is_misidentified": False})
    await trail.rest("POST", f"{C}/recalculate-emotions")
    await trail.rest("PATCH", "/speakers/{speaker_id}/emotion-threshold", params={"threshold": 0.5})
    await trail.rest("PATCH", f"{E}/{{emotion}}/threshold", params={"threshold": 0.5})
    await trail.rest("PATCH", f"{E}/{{emotion}}/voice-threshold", params={"threshold": 0.5})
    await trail.rest("DELETE", E)
    await trail.rest("PATCH", f"{S}/misidentified", json={"is_misidentified": True})
    trail.values["segment_id"] = trail.values["lines_1"][1]
    await trail.rest("POST", f"{S}/reassign", json={"speaker_name": "Bea"})


async def speakers(trail: Trail) -> None:
    await trail.rest("PATCH", "/speakers/{speaker_id}/rename", json={"new_name": "Ada L."})
    await trail.rest("POST", "/speakers/undo")
    await trail.rest("POST", "/speakers/{speaker_id}/reembed")
    enrolled = await trail.rest("POST", "/speakers/enroll", data={"name": "Cy"}, files={"audio_file": ("c.wav", sound(12.0))})
    trail.values["speaker_id"], former = enrolled["id"], trail.values["speaker_id"]
    await trail.rest("POST", "/speakers/{speaker_id}/samples", files={"audio_file": ("c.wav", sound(12.0))})
    trail.values |= {"speaker_id": former, "other_id": enrolled["id"]}
    await trail.rest("PUT", "/speakers/{speaker_id}/distinct/{other_id}")
    await trail.rest("DELETE", "/speakers/{speaker_id}/distinct/{other_id}")
    await trail.rest("POST", "/speakers/{speaker_id}/merge", json={"into": enrolled["id"]})
    trail.values["speaker_id"] = enrolled["id"]
    await trail.rest("DELETE", "/speakers/{speaker_id}")
    await trail.rest("DELETE", "/speakers/unknown/all")
    named = (await trail.application.client.get("/speakers")).json()
    trail.values["speaker_id"] = next(speaker["id"] for speaker in named if speaker["name"] == "Bea")
    await trail.rest("POST", "/speakers/{speaker_id}/erase")


async def profiles(trail: Trail) -> None:
    await trail.rest("POST", "/settings/voice", json={"emotion_threshold": 0.7})
    await trail.rest("POST", "/settings/voice/reset")
    await trail.rest("PUT", "/settings/vocabulary", json={"hotwords": ["Siobhán"]})
    await trail.rest("POST", "/profiles", json={"name": "empty"})
    await trail.rest("POST", "/profiles/duplicate", json={"name": "home"})
    await trail.rest("PATCH", P, json={})
    kept = await trail.rest("POST", f"{P}/checkpoints")
    trail.values |= {"timestamp": kept["timestamp"]}
    await trail.rest("GET", "/profiles/download-all")
    await trail.rest("GET", "/profiles/download/{name}")
    file = (await trail.application.client.get("/profiles/download/home")).content
    await trail.rest("POST", "/profiles/import", files={"file": ("profile.json", file)})
    await trail.rest("POST", "/profiles/restore", params={"filename": kept["filename"]})
    await trail.rest("DELETE", f"{P}/checkpoints/{{timestamp}}")
    await trail.rest("DELETE", P)


async def summaries(trail: Trail) -> None:
    template = "/settings/summaries/templates/{name}"
    await trail.rest("PUT", template, json={"instructions": "Name the tasks."})
    await trail.rest("DELETE", template)
    await trail.rest("POST", f"{C}/summary")


async def access(trail: Trail) -> None:
    ticket = await trail.application.context.accounts.first_account_ticket()
    await trail.rest("POST", "/people/first", data={"ticket": ticket, "name": "root", "password": PASSWORD})
    made = await trail.rest("POST", "/people", json={"name": "ana", "role": "reader", "password": PASSWORD})
    trail.values["person_id"] = made["id"]
    await trail.rest("PATCH", "/people/{person_id}", json={"role": "writer"})
    await trail.rest("POST", "/me/password", json={"current_password": PASSWORD, "new_password": f"{PASSWORD}!"})
    await trail.rest("POST", "/logout")
    await trail.rest("POST", "/login", json={"name": "root", "password": f"{PASSWORD}!"})
    await trail.rest("PATCH", f"{C}/sharing", json={"people": [made["id"]]})
    key = await trail.rest("POST", "/keys", json={"name": "cron"})
    trail.values["key_id"] = key["id"]
    await trail.rest("DELETE", "/keys/{key_id}")
    await trail.rest("DELETE", "/people/{person_id}")


async def test_every_tool_that_changes_something_records_it(trail: Trail, recording_url: str) -> None:
    talk_id, lines = trail.values["talk_1"], trail.values["lines_1"]
    await trail.tool("identify_speaker_in_segment", segment_id=lines[0], speaker_name="Ada")
    named = (await trail.application.client.get("/speakers")).json()
    ada = next(speaker["id"] for speaker in named if speaker["name"] == "Ada")
    other = next(speaker["id"] for speaker in named if speaker["name"] != "Ada")
    await trail.tool("rename_speaker", speaker_id=ada, new_name="Ada L.")
    await trail.tool("undo_last_speaker_change")
    await trail.tool("correct_emotion", segment_id=lines[0], emotion="happy")
    await trail.tool("correct_transcript", conversation_id=talk_id, segment_id=lines[0], text="Other words.")
    await trail.tool("merge_speakers", speaker_id=other, into_speaker_id=ada)
    await trail.tool("update_conversation_title", conversation_id=talk_id, title="New")
    await trail.tool("export_transcript", conversation_id=talk_id)
    await trail.tool("delete_speaker", speaker_id=ada)
    await trail.tool("identify_speaker_in_segment", segment_id=lines[0], speaker_name="Bea")
    named = (await trail.application.client.get("/speakers")).json()
    await trail.tool("erase_speaker", speaker_id=next(speaker["id"] for speaker in named if speaker["name"] == "Bea"))
    await trail.tool("erase_conversation", conversation_id=trail.values["talk_2"])
    await trail.tool("delete_all_unknown_speakers")
    async with asyncio.TaskGroup() as group:  # both wait for their result: nothing works on jobs here, so they are cancelled
        finishing = group.create_task(_cancel_jobs(trail))
        await trail.tool("reprocess_conversation", conversation_id=talk_id)
        await trail.tool("process_audio", url=recording_url)
        finishing.cancel()
    changing = {("tool", tool.__name__) for tool, annotations, _ in TOOLS if annotations is not READ}
    assert changing <= trail.walked


async def _cancel_jobs(trail: Trail) -> None:
    while True:
        for job in (await trail.application.client.get("/jobs", params={"state": "queued"})).json()["jobs"]:
            await trail.application.client.post(f"/jobs/{job['id']}/cancel")
        await asyncio.sleep(0.05)


async def test_a_live_recording_leaves_an_entry(trail: Trail) -> None:
    from services.live.client_messages import StartMessage

    live = trail.application.context.live
    session = await live.start(StartMessage(), lambda _message: None)
    await session.feed(bytes(40_000))
    await live.finish(session)
    async with trail.database.session() as found:
        entry = (await found.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).one()
    assert (entry.action, entry.object) == ("conversation.create", f"conversation:{session.conversation_id}")
