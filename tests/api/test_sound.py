"""Sound is served whole and in parts, on every route that has any."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from api.routes import recordings
from media import encoding, recording
from media.encoding import wav_bytes
from pipeline.access import Role
from pipeline.types import SAMPLE_RATE
from services import encodings
from services.identity import transcripts
from settings import Settings
from storage.conversations import conversations
from storage.postgres.database import Database
from tests.storage.people import talk
from tests.storage.transcripts import MODEL, RULES, voice
from tests.support.application import Application, answering, connected, no_stages
from tests.support.principals import become, person

SECONDS = 12


@dataclass(frozen=True)
class Kept:
    application: Application
    conversation: int
    directory: Path
    wav: bytes

    @property
    def client(self) -> httpx.AsyncClient:
        return self.application.client

    @property
    def path(self) -> str:
        return f"/conversations/{self.conversation}/audio"


@pytest.fixture
async def kept(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Kept]:
    """A conversation of Alice's with a recording."""
    settings = Settings(speaker_threshold=RULES.voice.speaker_threshold)
    sound = (0.3 * np.sin(np.arange(SECONDS * SAMPLE_RATE) ** 1.3 / 900)).astype(np.float32)
    await asyncio.to_thread(recording.write, tmp_path / "kept.flac", sound)
    directory = tmp_path / "audio"
    async with connected(settings, database_url, directory, no_stages(), MODEL) as context:
        key = await context.store.put(tmp_path / "kept.flac", ".flac")
        alice = await person(database, "alice")
        async with database.session() as session:
            id_ = await conversations.create(session, "A talk", key, "flac", creator=alice.principal)
            await transcripts.save(session, id_, talk([voice(1)]), RULES)
        async with answering(context) as application:
            yield Kept(application, id_, directory, wav_bytes(recording.read(tmp_path / "kept.flac")))


async def paths(kept: Kept) -> list[str]:
    segment = (await kept.client.get(f"/conversations/{kept.conversation}")).json()["segments"][0]["id"]
    clip = f"/conversations/segments/{segment}/audio"
    whole = [f"{kept.path}?format={format}" for format in ("wav", "mp3", "opus")]
    return [*whole, clip, f"{clip}?format=mp3", "/speakers/1/audio"]


async def test_every_part_is_a_part_of_the_whole(kept: Kept) -> None:
    for path in await paths(kept):
        whole = await kept.client.get(path)
        data, size = whole.content, len(whole.content)
        assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes"), path
        assert int(whole.headers["content-length"]) == size > 1000
        for asked, start, end in (
            ("bytes=0-99", 0, 100),
            ("bytes=100-", 100, size),
            ("bytes=-77", size - 77, size),
            (f"bytes=500-{size * 2}", 500, size),
            (f"bytes=-{size * 2}", 0, size),
            (f"bytes={size - 1}-{size - 1}", size - 1, size),
            ("BYTES = 45-46", 45, 47),
        ):
            part = await kept.client.get(path, headers={"Range": asked})
            assert part.status_code == 206, (path, asked)
            assert part.content == data[start:end], (path, asked)
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
            assert int(part.headers["content-length"]) == end - start
            assert part.headers["content-type"] == whole.headers["content-type"]
            assert part.headers["etag"] == whole.headers["etag"]


async def test_ranges_that_do_not_exist_and_ranges_that_are_none(kept: Kept) -> None:
    for path in await paths(kept):
        whole = await kept.client.get(path)
        size = len(whole.content)
        for asked in (f"bytes={size}-", f"bytes={size * 3}-{size * 4}", "bytes=-0"):
            refused = await kept.client.get(path, headers={"Range": asked})
            assert refused.status_code == 416, (path, asked)
            assert refused.headers["content-range"] == f"bytes */{size}"
            assert str(size) in refused.json()["detail"]
        for ignored in ("bytes=0-9,20-29", "seconds=1-2", "bytes=9-1", "bytes=-", "bytes=", "bytes=a-b", "nonsense"):
            answer = await kept.client.get(path, headers={"Range": ignored})
            assert (answer.status_code, len(answer.content)) == (200, size), (path, ignored)


async def test_head_says_what_get_would(kept: Kept) -> None:
    for path in await paths(kept):
        head, whole = await kept.client.head(path), await kept.client.get(path)
        assert (head.status_code, head.content) == (200, b""), path
        names = ("content-length", "content-type", "etag", "accept-ranges", "content-disposition", "cache-control")
        assert {name: head.headers[name] for name in names} == {name: whole.headers[name] for name in names}


async def test_a_client_that_has_it_does_not_get_it_again(kept: Kept) -> None:
    tags = set()
    for path in await paths(kept):
        tag = (await kept.client.get(path)).headers["etag"]
        tags.add(tag)
        for condition in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            answer = await kept.client.get(path, headers={"If-None-Match": condition, "Range": "bytes=0-9"})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), (path, condition)
        assert (await kept.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
        for condition, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200), ("Sun, 29 Nov 2026 10:00:00 GMT", 200)):
            answer = await kept.client.get(path, headers={"If-Range": condition, "Range": "bytes=0-9"})
            assert answer.status_code == status, (path, condition)
    assert len(tags) == len(await paths(kept))


async def test_the_whole_recording(kept: Kept) -> None:
    wav = await kept.client.get(kept.path)
    assert wav.headers["content-type"] == "audio/wav"
    assert wav.headers["content-disposition"] == f'inline; filename="conversation_{kept.conversation}.wav"'
    assert wav.content == kept.wav
    for format, media_type, subtype in (("mp3", "audio/mpeg", "MPEG_LAYER_III"), ("opus", "audio/ogg", "OPUS")):
        encoded = await kept.client.get(kept.path, params={"format": format})
        assert encoded.headers["content-type"] == media_type
        info = soundfile.info(io.BytesIO(encoded.content))
        assert (info.channels, info.subtype) == (1, subtype)
        assert info.duration == pytest.approx(SECONDS, abs=0.2)
    assert (await kept.client.get(kept.path, params={"format": "aiff"})).status_code == 422


async def test_an_encoded_form_is_made_once_and_deleted_with_the_recording(kept: Kept) -> None:
    first = await asyncio.gather(*(kept.client.get(kept.path, params={"format": "mp3"}) for _ in range(4)))
    assert len({answer.content for answer in first}) == 1
    assert {file.suffix for file in kept.directory.iterdir()} == {".flac", ".mp3"}
    (made,) = kept.directory.glob("*.mp3")
    made.write_bytes(b"the stored form")
    assert (await kept.client.get(kept.path, params={"format": "mp3"})).content == b"the stored form"
    assert (await kept.client.delete(f"/conversations/{kept.conversation}")).status_code == 200
    assert list(kept.directory.iterdir()) == []


async def test_what_is_deleted_while_it_is_encoded_leaves_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = encoding.encode_file

    async def encode_and_delete(source: Path, target: Path, codec: encoding.Codec) -> None:
        await encode(source, target, codec)
        await kept.client.delete(f"/conversations/{kept.conversation}")

    monkeypatch.setattr(encoding, "encode_file", encode_and_delete)
    assert (await kept.client.get(kept.path, params={"format": "opus"})).status_code == 404
    assert list(kept.directory.iterdir()) == []


async def test_a_client_does_not_wait_long_for_an_encoded_form(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "WAIT_S", 0.0)
    answer = await kept.client.get(kept.path, params={"format": "mp3"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    monkeypatch.undo()
    assert (await kept.client.get(kept.path, params={"format": "mp3"})).status_code == 200


async def test_only_who_sees_the_conversation_hears_it(kept: Kept, database: Database) -> None:
    become(kept.client, await person(database, "bob"))
    for method in ("GET", "HEAD"):
        assert (await kept.client.request(method, kept.path)).status_code == 404
    become(kept.client, await person(database, "carl", Role.READER))
    await kept.client.get("/me")
    async with database.session() as session:
        id_ = await conversations.create(session, "No sound", None, "flac")
    missing = await kept.client.get(f"/conversations/{id_}/audio")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Audio file not found"})


async def test_a_file_that_is_deleted_before_it_is_opened_is_a_404(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in kept.directory.iterdir():
        file.unlink()
    monkeypatch.setattr(kept.application.context.store._files, "exists", lambda _path: True)
    answer = await kept.client.post(f"/conversations/{kept.conversation}/reprocess")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


async def test_a_lost_file_is_a_404(kept: Kept) -> None:
    for file in kept.directory.iterdir():
        file.unlink()
    for format in ("wav", "mp3"):
        answer = await kept.client.get(kept.path, params={"format": format})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


async def test_the_waveform_is_computed_once_and_goes_with_the_recording(kept: Kept) -> None:
    path = f"/conversations/{kept.conversation}/peaks"
    found = (await kept.client.get(path)).json()
    assert (found["per_second"], len(found["peaks"])) == (10, SECONDS * 10)
    assert max(found["peaks"]) == round(0.3 * 255)
    (file,) = [each for each in kept.directory.iterdir() if each.suffix == ".peaks"]
    written = file.stat().st_mtime_ns
    assert (await kept.client.get(path, params={"per_second": 0.5})).json()["peaks"] == [max(found["peaks"])] * 6
    assert file.stat().st_mtime_ns == written
    for wrong in (0, -1, 51, "x"):
        assert (await kept.client.get(path, params={"per_second": wrong})).status_code == 422
    assert (await kept.client.get("/conversations/999999/peaks")).status_code == 404
    assert (await kept.client.delete(f"/conversations/{kept.conversation}")).status_code == 200
    assert list(kept.directory.iterdir()) == []


async def test_a_client_that_has_the_waveform_does_not_get_it_again(kept: Kept) -> None:
    path = f"/conversations/{kept.conversation}/peaks"
    found = await kept.client.get(path)
    tag, other = found.headers["etag"], (await kept.client.get(path, params={"per_second": 5})).headers["etag"]
    assert tag != other
    assert "no-store" not in found.headers["cache-control"]
    again = await kept.client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await kept.client.get(path, headers={"If-None-Match": other})).json() == found.json()
    await kept.client.delete(f"/conversations/{kept.conversation}")
    assert (await kept.client.get(path, headers={"If-None-Match": tag})).status_code == 404


async def test_too_many_peaks_are_refused(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_PEAKS", 100)
    path = f"/conversations/{kept.conversation}/peaks"
    refused = await kept.client.get(path)
    assert (refused.status_code, "at most 8.33" in refused.json()["detail"]) == (400, True)
    assert len((await kept.client.get(path, params={"per_second": 8})).json()["peaks"]) == 96
