"""What happens to a recording that is sent to Vivavoce, whichever door it comes through."""

import asyncio
import logging
import shutil
import tempfile
import time
from contextvars import Context
from pathlib import Path
from typing import BinaryIO

import ray

from deployments import memory
from deployments.graph import Recording
from pipeline import recording
from pipeline.audio import decode
from pipeline.identity import threshold_for
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples, Transcript
from settings import Settings
from storage import conversations, transcripts
from storage.audio import AudioStore
from storage.database import Database

logger = logging.getLogger("ray.serve")

AT_ONCE = 4
"""Recordings in the stages at a time; the others wait, so that the first to come is the first to be done."""
LONGEST_NAME = 255
REPORT_EVERY = 0.5
"""Seconds between two reports of progress that reach the database."""


class Recordings:
    """Accepts recordings, has the stages process them, and files the result."""

    def __init__(self, settings: Settings, stages: Stages[Recording], database: Database, store: AudioStore) -> None:
        self.settings = settings
        self.stages = stages
        self.database = database
        self.store = store
        self._room = asyncio.Semaphore(AT_ONCE)
        self._work: dict[int, asyncio.Task[None]] = {}

    async def accept(self, file: BinaryIO, filename: str, options: Options) -> int:
        """File a new recording and begin to process it.

        Args:
            file: The upload, at its beginning.
            filename: What its owner calls it: a label, never a path.

        Returns:
            The conversation's id.

        Raises:
            AudioError: Where there is no sound in the file; nothing is kept of it then.
        """
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            samples = await asyncio.to_thread(_decode, file, Path(directory), self.settings.max_duration_hours * 3600)
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            await asyncio.to_thread(recording.write, kept, samples)
            key = await self.store.put(kept, recording.SUFFIX)
        try:
            audio, duration = await asyncio.to_thread(ray.put, samples), len(samples) / SAMPLE_RATE
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
        # Outside of the request's context: Serve cancels all calls that were made within it when its client hangs up.
        work = asyncio.create_task(self._process(conversation, audio, duration, options), context=Context())
        self._work[conversation] = work
        work.add_done_callback(lambda _: self._work.pop(conversation, None))
        return conversation

    async def finished(self, conversation: int) -> None:
        """Wait until the conversation is processed. Giving up waiting does not stop the work."""
        if work := self._work.get(conversation):
            await asyncio.shield(work)

    async def close(self) -> None:
        """Let go of what is in work; it is marked as interrupted at the next start."""
        for work in list(self._work.values()):
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    async def _process(self, conversation: int, audio: Recording, duration: float, options: Options) -> None:
        try:
            async with self._room:
                transcript = await process(audio, duration, self.stages, options, _Reporter(self.database, conversation).report)
                await self._save(conversation, transcript)
        except Exception as error:
            logger.exception("Conversation %d failed", conversation)
            async with self.database.session() as session:
                await conversations.fail(session, conversation, _reason(error))

    async def _save(self, conversation: int, transcript: Transcript) -> None:
        models = {p.voiceprint.model for p in transcript.participants if p.voiceprint}
        threshold = max((threshold_for(model, self.settings.speaker_threshold) for model in models), default=1.0)
        async with self.database.session() as session:
            await transcripts.save(session, conversation, transcript, threshold)


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


def _decode(file: BinaryIO, directory: Path, max_duration: float) -> Samples:
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
