"""Resuming a live conversation requires the token of its client. No model is needed."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from sqlalchemy import text

from pipeline.decoding import PLAIN, Decoding
from pipeline.stages import Stages
from pipeline.types import Samples, Span, Utterance
from services.live.client_messages import StartMessage
from services.live.recorder import Recorder
from services.live.session import LiveSession
from services.live.spool_directory import open_free
from settings import Settings
from storage.postgres.database import unpooled
from tests.api.live import CLIENT_RATE, PATIENCE_S, Client, conversation, refused, server_process, serving
from tests.storage.transcripts import MODEL
from tests.support.application import connected
from tests.support.fixed_stages import FixedStages
from vivavoce.sample import recording

NO_STAGE: Any = None
STAGES = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
"""They can process silence only."""


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(database_url, tmp_path_factory.mktemp("live"), STAGES, "wespeaker-resnet34") as address:
        yield address


def test_a_lost_connection_is_resumed(server: str) -> None:
    with Client(server) as first:
        id_ = first.start(resumable=True)
        first.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
    with Client(server) as second:
        assert second.start(conversation_id=id_, resume_token=first.token) == id_
        (started,) = second.of("started")
        assert (started["message"], started["total_audio_seconds"]) == ("Recording resumed", 1.0)
        second.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        assert second.of("status")[-1]["stats"]["total_audio_seconds"] == pytest.approx(2.0, abs=0.1)
        assert second.stop()["duration"] == 2.0
    assert conversation(server, id_)["status"] == "completed"


def test_a_dead_connection_is_superseded(server: str) -> None:
    """When a phone changes networks, the server does not notice that the first connection is dead."""
    with Client(server) as first, Client(server) as second:
        id_ = first.start(resumable=True)
        first.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        assert second.start(conversation_id=id_, resume_token=first.token, resumable=True) == id_
        assert second.token == first.token
        assert second.of("started")[0]["total_audio_seconds"] == 1.0
        assert first.until("error")["message"] == "Another connection goes on with this conversation."
        assert first.closed() == 1008
        second.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        assert second.stop()["duration"] == 2.0


class Busy(FixedStages):
    """Stages with so much other work that they do not finish before the gate is open."""

    def __init__(self) -> None:
        self.called, self.gate = threading.Event(), threading.Event()

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self.called.set()
        while not self.gate.is_set():  # noqa: ASYNC110  # the test is in another thread
            await asyncio.sleep(0.02)
        return await super().transcribe(audio, window, language, decoding)


@pytest.mark.parametrize("closing_s", [0.0, 1.0])
def test_a_client_waits_while_the_models_are_busy(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing_s: float
) -> None:
    """It could not resume before its segments are stored, and would begin another conversation. A slow disk does not matter."""
    close = Recorder.close

    async def slow_close(recorder: Recorder) -> None:
        await asyncio.sleep(closing_s)
        await close(recorder)

    monkeypatch.setattr(Recorder, "close", slow_close)
    monkeypatch.setattr("services.live.live_conversations.RESUME_TIMEOUT_S", 0.0)
    samples, rate = soundfile.read(recording(), dtype="float32")
    spoken = soxr.resample(samples[8 * rate : 10 * rate], rate, CLIENT_RATE)
    stages = Busy()
    with serving(database_url, tmp_path, Stages(*[stages] * 4), MODEL, speaker_threshold=0.5) as address:
        with Client(address) as first:
            id_ = first.start(resumable=True)
            first.send(np.concatenate([spoken, np.zeros(CLIENT_RATE, np.float32)]), CLIENT_RATE)
            assert stages.called.wait(PATIENCE_S)
        opening = threading.Timer(0.5, stages.gate.set)
        opening.start()
        with Client(address) as second:
            assert second.start(conversation_id=id_, resume_token=first.token, resumable=True) == id_
            assert second.of("started")[0]["total_audio_seconds"] == 3.0
            assert second.stop()["num_segments"] == 1


Again = Callable[[], Coroutine[Any, Any, LiveSession]]
"""Resumes the recording."""


@pytest.fixture
async def recorded(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[LiveSession, Again]]:
    """A recording of a second, still connected, and how to resume it. There is room for one stream."""
    stages = Stages(*[FixedStages()] * 4)
    settings = Settings(data_path=tmp_path / "data", max_streams=1, speaker_threshold=0.5)
    async with connected(settings, database_url, tmp_path / "audio", stages, MODEL) as context:
        start = StartMessage(sample_rate=16_000, resumable=True)
        session = await context.live.start(start, lambda _message: None)
        await session.feed(np.zeros(16_000, np.float32).tobytes())
        resumed = {"conversation_id": session.conversation_id, "resume_token": session.options.resume_token}

        async def again() -> LiveSession:
            return await context.live.start(start.model_copy(update=resumed), lambda _message: None)

        yield session, again
        assert (await context.live.finish(await again())).data.duration == 1.0


@pytest.mark.parametrize("error", [RuntimeError("lost"), asyncio.CancelledError()])
async def test_a_recording_is_free_though_its_last_segments_are_lost(
    recorded: tuple[LiveSession, Again], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Otherwise its client would wait for a file that is never released, and the stream would count against the limit."""

    async def drain() -> None:
        raise error

    session, again = recorded
    monkeypatch.setattr(session, "drain", drain)
    with pytest.raises(type(error)):
        await session.pause()
    free = open_free(session.recorder.spool.path)
    assert free is not None
    free.close()
    resumed = await again()
    assert resumed.resumed_at == 1.0
    await resumed.pause()


async def test_a_recording_is_free_though_it_could_not_be_continued(
    recorded: tuple[LiveSession, Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_recorder: Recorder) -> None:
        raise OSError("The disk does not answer.")

    session, again = recorded
    await session.pause()
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "catch_up", fail)
        with pytest.raises(OSError, match="does not answer"):
            await again()


def test_a_stream_that_is_connected_cannot_be_taken_over(server: str) -> None:
    with Client(server) as client:
        id_ = client.start()
        text, code = refused(server, json.dumps({"type": "start", "conversation_id": id_}))
        assert "still connected" in text
        assert code == 1008
        client.stop()


def taken_over(server: str, id_: int, **start: Any) -> tuple[str, int]:
    """The answer to a stranger that resumes a conversation, without its number."""
    text, code = refused(server, json.dumps({"type": "start", "conversation_id": id_, **start}))
    return text.replace(str(id_), "N"), code


def test_a_stranger_without_the_token_is_answered_as_if_there_were_no_conversation(server: str) -> None:
    none = taken_over(server, 999999)
    assert none[0].startswith("Conversation N cannot be resumed: ")
    with Client(server) as other, Client(server) as client:
        other.start(resumable=True)
        id_ = client.start(resumable=True)
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)
        wrong = (client.token[:-1], client.token + "=", client.token.swapcase(), other.token, "", "\0", "é" * 43)
        assert taken_over(server, id_) == none
        for token in wrong:
            assert taken_over(server, id_, resume_token=token, resumable=True) == none, token
        client.send(np.zeros(CLIENT_RATE, np.float32), CLIENT_RATE)  # it was not superseded
        other.stop()
    # The client is gone, and the server waits for it.
    assert taken_over(server, id_) == none
    assert taken_over(server, id_, resume_token=other.token) == none
    with Client(server) as client_again:
        client_again.start(conversation_id=id_, resume_token=client.token)
        assert client_again.of("started")[0]["total_audio_seconds"] == 2.0
        assert client_again.stop()["duration"] == 2.0
    assert taken_over(server, id_, resume_token=client.token) == none


def test_tokens_are_long_and_differ(server: str) -> None:
    tokens = set()
    for _ in range(3):
        with Client(server) as client:
            client.start(resumable=True)
            tokens.add(client.token)
            client.stop()
    assert [len(token) for token in tokens] == [43] * 3


def test_the_token_survives_the_server_but_not_in_the_database(database_url: str, tmp_path: Path) -> None:
    with server_process(database_url, tmp_path) as (process, address), Client(address) as client:
        id_ = client.start(resumable=True)
        client.send(np.zeros(CLIENT_RATE, np.float32), 4800)
        process.kill()
    assert asyncio.run(occurrences(database_url, client.token)) == 0
    with serving(database_url, tmp_path, STAGES, "wespeaker-resnet34", stream_resume_seconds=PATIENCE_S) as address:
        assert taken_over(address, id_)[1] == 1008
        with Client(address) as again:
            assert again.start(conversation_id=id_, resume_token=client.token) == id_
            assert again.stop()["duration"] == pytest.approx(1.0, abs=0.05)


async def occurrences(url: str, text_: str) -> int:
    """Rows of `conversations` that hold this text."""
    engine = unpooled(url)
    async with engine.connect() as connection:
        rows = await connection.scalars(text("SELECT c::text FROM conversations c"))
        found = sum(text_ in row for row in rows)
    await engine.dispose()
    return found
