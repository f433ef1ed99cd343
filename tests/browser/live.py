"""A browser with a file in place of the microphone, and a connection to the application that can be lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from playwright.async_api import Page

from pipeline.decoding import PLAIN, Decoding
from pipeline.types import Samples, Span, Utterance, Word
from tests.support.fixed_stages import FixedStages
from vivavoce.sample import recording

SENTENCES_S = [(at, at + 1.2) for at in np.arange(7.0, 29.0, 1.2)]
"""Of the sample, a part in which people speak all the time."""
PAUSE_S = 0.8
SOME_TIME = r"0:(0[2-9]|[1-5]\d)"
"""As the page shows two seconds, or as many as a busy machine lets pass."""
FAKE_MICROPHONE = "--use-fake-device-for-media-stream"
RECORDED = """
window.recorded = [];
window.AudioWorkletNode = class extends AudioWorkletNode {
  constructor(...options) {
    super(...options);
    const samples = [];
    window.recorded.push(samples);
    this.port.addEventListener("message", ({ data }) => data && samples.push(...data));
  }
};
addEventListener("pagehide", () => {
  const text = (window.recorded.at(-1) ?? []).map((sample) => String.fromCharCode(sample & 0xffff)).join("");
  sessionStorage.setItem("recorded", text);
});
"""
RECORDED_BEFORE = """() => {
  const text = sessionStorage.getItem("recorded");
  return Array.from({ length: text.length }, (_, at) => (text.charCodeAt(at) << 16) >> 16);
}"""
"""Keeps what each microphone gave, also over a reload, to compare it with what the server has."""


class Talking(FixedStages):
    """Writes the same sentence for every span of speech."""

    async def transcribe(
        self, audio: Samples, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> list[Utterance]:
        texts = ("The", "parrot", "is", "dead.")
        step = (window.end - window.start) / len(texts)
        words = [
            Word(f" {text}", window.start + i * step, window.start + (i + 0.9) * step, 0.9) for i, text in enumerate(texts)
        ]
        return [Utterance(tuple(words), -0.2, language or "en")]


def microphone(directory: Path, sentences: Sequence[tuple[float, float]] = SENTENCES_S) -> str:
    """The browser's option for a microphone that records parts of the sample, over and over, with pauses that end a segment."""
    samples, rate = soundfile.read(recording(), dtype="float32")
    pause = np.zeros(round(PAUSE_S * rate), np.float32)
    parts = [samples[round(begin * rate) : round(end * rate)] for begin, end in sentences]
    spoken = np.concatenate([piece for part in parts for piece in (part, pause)])
    path = directory / "spoken.wav"
    soundfile.write(path, soxr.resample(spoken, rate, 48_000), 48_000, subtype="PCM_16")
    return f"--use-file-for-fake-audio-capture={path}"


async def recorded(page: Page) -> np.ndarray:
    """What the last microphone of this page has given."""
    return np.array(await page.evaluate("window.recorded.at(-1)"), np.int16)


async def recorded_before(page: Page) -> np.ndarray:
    """The same of the page that was shown before it was loaded again."""
    return np.array(await page.evaluate(RECORDED_BEFORE), np.int16)


class Line:
    """A connection to the application. It can be lost for live audio; then requests still pass."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port, self.own_port = host, port, 0
        self.is_lost = False
        self._live: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.own_port}"

    def lose(self) -> None:
        self.is_lost = True
        for writer in list(self._live):
            writer.transport.abort()

    def restore(self) -> None:
        self.is_lost = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            live = b"/streaming/ws" in head.partition(b"\r\n")[0]
            if live and self.is_lost:
                return
            server_reader, server = await asyncio.open_connection(self.host, self.port)
            if live:
                self._live |= {writer, server}
            server.write(head)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, server))
                    group.create_task(_copy(server_reader, writer))
            finally:
                self._live -= {writer, server}
                server.close()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side ends."""
    try:
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def line(address: str) -> AsyncIterator[Line]:
    """A connection to `host:port`."""
    host, _, port = address.partition(":")
    found = Line(host, int(port))
    tasks: set[asyncio.Task[Any]] = set()

    accepted: list[asyncio.StreamWriter] = []  # a task that is cancelled before it begins closes nothing

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        task = asyncio.create_task(found.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    found.own_port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in accepted:
            writer.close()
