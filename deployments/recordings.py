"""What happens to a recording that is sent to Vivavoce, whichever door it comes through."""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import ray

from deployments import memory
from pipeline import recording
from pipeline.audio import decode
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples
from settings import Settings
from storage import conversations, revision
from storage.audio import AudioStore
from storage.database import Database
from storage.moods import Rules

logger = logging.getLogger("ray.serve")

AT_ONCE = 4
"""Recordings in the stages at a time; the others wait, so that the first to come is the first to be done."""
LONGEST_NAME = 255
REPORT_EVERY = 0.5
"""Seconds between two reports of progress that reach the database."""

Live = Callable[[], Awaitable[Rules]]
"""Tells the rules that are in force now."""


class Recordings:
    """Accepts recordings, has the stages process them, and files the result.

    `share` puts samples where the stages get them from.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        share: Callable[[Samples], Any] = ray.put,
    ) -> None:
        self.settings = settings
        self.stages = stages
        self.database = database
        self.store = store
        self._share = share
        self._room = asyncio.Semaphore(AT_ONCE)
        self._work: dict[int, asyncio.Task[None]] = {}

    async def accept(self, file: BinaryIO, filename: str, options: Options, live: Live) -> int:
        """File a new recording and begin to process it.

        Args:
            file: The upload, at its beginning.
            filename: What its owner calls it: a label, never a path.
            live: Tells the rules in force; asked when the work begins and when it is filed.

        Returns:
            The conversation's id.

        Raises:
            AudioError: Where there is no sound in the file; nothing is kept of it then.
        """
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            samples = await asyncio.to_thread(decode_upload, file, Path(directory), self.settings.max_duration_hours * 3600)
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            await asyncio.to_thread(recording.write, kept, samples)
            key = await self.store.put(kept, recording.SUFFIX)
        try:
            audio = await self.shared(samples)
            del samples
            memory.trim()
            async with self.database.session() as session:
                conversation = await conversations.create(
                    session,
                    title=f"Uploaded: {filename[:LONGEST_NAME]}",
                    audio_key=key,
                    audio_format=recording.SUFFIX.lstrip("."),
                )
        except BaseException:
            await self.store.delete(key)
            raise
        self._begin(conversation, audio, options, live)
        return conversation

    async def reprocess(self, conversation: int, options: Options, live: Live) -> None:
        """Begin to process a conversation's recording again; what was corrected by hand is kept.

        Raises:
            LookupError: Where there is no such conversation, or no recording of it.
            ConversationBusy: While it is in work.
        """
        async with self.database.session() as session:
            key = await conversations.recording(session, conversation)
        audio = await self.load(key)
        async with self.database.session() as session:
            await conversations.reopen(session, conversation)
        self._begin(conversation, audio, options, live)

    async def load(self, key: str) -> "Audio":
        """A stored recording, for the stages. Raises LookupError where it is gone."""
        try:
            async with self.store.local_path(key) as path:
                return await self.shared(await asyncio.to_thread(recording.read, path))
        except FileNotFoundError as error:
            raise LookupError("Audio file not found") from error

    async def finished(self, conversation: int) -> None:
        """Wait until the conversation is processed. Giving up waiting does not stop the work."""
        if work := self._work.get(conversation):
            await asyncio.shield(work)

    async def close(self) -> None:
        """Let go of what is in work; it is marked as interrupted at the next start."""
        for work in list(self._work.values()):
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    async def shared(self, samples: Samples) -> "Audio":
        """Samples as the stages take them."""
        return Audio(await asyncio.to_thread(self._share, samples), len(samples) / SAMPLE_RATE)

    def _begin(self, conversation: int, audio: "Audio", options: Options, live: Live) -> None:
        # Outside of the request's context: Serve cancels all calls that were made within it when its client hangs up.
        work = asyncio.create_task(self._process(conversation, audio, options, live), context=Context())
        self._work[conversation] = work
        work.add_done_callback(lambda _: self._work.pop(conversation, None))

    async def _process(self, conversation: int, audio: "Audio", options: Options, live: Live) -> None:
        try:
            async with self._room:
                voice = (await live()).voice
                options = replace(
                    options, filter_hallucinations=voice.filter_hallucinations, context_padding=voice.context_padding
                )
                report = _Reporter(self.database, conversation).report
                transcript = await process(audio.samples, audio.duration, self.stages, options, report)
                rules = await live()
                async with self.database.session() as session:
                    await revision.replace(session, conversation, transcript, rules)
        except Exception as error:
            logger.exception("Conversation %d failed", conversation)
            async with self.database.session() as session:
                await conversations.fail(session, conversation, _reason(error))


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording as the stages take it."""

    samples: Any
    duration: float
    """Seconds."""


class _Reporter:
    """Writes progress where every replica can read it, but not more often than somebody would look."""

    def __init__(self, database: Database, conversation: int) -> None:
        self._database = database
        self._conversation = conversation
        self._last = ("", -REPORT_EVERY)

    async def report(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if self._last[0] == stage and now - self._last[1] < REPORT_EVERY:
            return
        self._last = (stage, now)
        async with self._database.session() as session:
            await conversations.set_progress(session, self._conversation, stage, fraction)


def decode_upload(file: BinaryIO, directory: Path, max_duration: float) -> Samples:
    """The sound of an upload, by way of `directory`. Blocks. Raises AudioError, also beyond `max_duration` seconds."""
    upload = directory / "upload"
    with upload.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    try:
        return decode(upload, max_duration=max_duration)
    finally:
        upload.unlink()


def _reason(error: BaseException) -> str:
    """One sentence for the client, without the traceback that Ray puts into the text of a remote error."""
    cause = getattr(error, "cause", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
