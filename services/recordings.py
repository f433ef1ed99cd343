"""What happens to a recording that is sent to Vivavoce, whichever door it comes through."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from media import malloc, recording
from media.decoding import decode
from pipeline.process import Options
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples, SpeakerHint
from services.runtime import Runtime
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.jobs import jobs
from storage.jobs.notifications import Notifications
from storage.postgres.database import Database

LONGEST_NAME = 255
DECODED_AT_ONCE = 2
"""Uploads. Each is in memory as a whole, 230 MB an hour, and takes one of the threads by which other clients are answered."""


@dataclass(frozen=True, slots=True)
class Accepted:
    conversation_id: int
    job_id: int


class Recordings:
    """Accepts recordings, which workers then process (`services.worker`), and loads them for the stages."""

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        notifications: Notifications,
        runtime: Runtime,
    ) -> None:
        self.settings = settings
        self.stages = stages
        self.database = database
        self.store = store
        self.notifications = notifications
        self.stopping = asyncio.Event()
        """Set where the program ends, and nobody should wait for it."""
        self._decoding = asyncio.Semaphore(DECODED_AT_ONCE)
        self._runtime = runtime

    async def accept(self, file: BinaryIO, filename: str, options: Options, webhook_url: str | None = None) -> Accepted:
        """File a new recording and have it processed.

        Args:
            file: The upload, at its beginning.
            filename: What its owner calls it: a label, never a path.
            webhook_url: Who is to be told when the work has ended.

        Raises:
            AudioError: Where there is no sound in the file; nothing is kept of it then.
            QueueFullError: Where too many recordings wait; likewise.
        """
        async with self.database.session() as session:
            await jobs.check_room(session, self.settings.max_queued)  # before an upload of hours is decoded for nothing
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            limit = self.settings.max_duration_hours * 3600
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            async with self._decoding:
                duration = await asyncio.to_thread(_keep, file, Path(directory), kept, limit)
            malloc.trim()
            work = self._work(options, duration, webhook_url)
            key = await self.store.put(kept, recording.SUFFIX)
        try:
            async with self.database.session() as session:
                conversation = await conversations.create(
                    session,
                    title=f"Uploaded: {filename[:LONGEST_NAME]}",
                    audio_key=key,
                    audio_format=recording.SUFFIX.lstrip("."),
                )
                return Accepted(conversation, await jobs.enqueue(session, conversation, **work))
        except BaseException:
            await self.store.delete(key)
            raise

    async def reprocess(self, conversation: int, options: Options, webhook_url: str | None = None) -> Accepted:
        """Have a conversation's recording processed again; what was corrected by hand is kept.

        Raises:
            LookupError: Where there is no such conversation, or no recording of it.
            ConversationBusy: While it is in work.
            QueueFullError: Where too many recordings wait.
        """
        async with self.database.session() as session:
            key = await conversations.recording(session, conversation)
        try:
            async with self.store.local_path(key) as path:
                duration = await asyncio.to_thread(recording.duration, path)
        except FileNotFoundError as error:
            raise LookupError("Audio file not found") from error
        work = self._work(options, duration, webhook_url)
        async with self.database.session() as session:
            await conversations.reopen(session, conversation)
            return Accepted(conversation, await jobs.enqueue(session, conversation, **work))

    async def load(self, key: str) -> "Audio":
        """A stored recording, for the stages. Raises LookupError where it is gone."""
        try:
            async with self.store.local_path(key) as path:
                return await self.shared(await asyncio.to_thread(recording.read, path))
        except FileNotFoundError as error:
            raise LookupError("Audio file not found") from error

    async def finished(self, conversation: int) -> bool:
        """Wait until the conversation is processed, and tell whether it is: not where the program stops before.

        Giving up waiting does not stop the work.
        """
        heard, stopped = asyncio.create_task(self._heard(conversation)), asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((heard, stopped), return_when=asyncio.FIRST_COMPLETED)
            if heard.done():
                await heard
                return True
            return False
        finally:
            for task in (heard, stopped):
                task.cancel()

    async def _heard(self, conversation: int) -> None:
        async for _ in self.notifications.watch(conversation):
            pass

    async def shared(self, samples: Samples) -> "Audio":
        """Samples as the stages take them."""
        return Audio(await asyncio.to_thread(self._runtime.share, samples), len(samples) / SAMPLE_RATE)

    def _work(self, options: Options, duration: float, webhook_url: str | None) -> dict[str, Any]:
        """What a job is to do."""
        asked = {"language": options.language, "hint": asdict(options.hint), "request_id": self._runtime.request_id()}
        return {"options": asked, "duration": duration, "webhook_url": webhook_url, "most": self.settings.max_queued}


def options_of(asked: Mapping[str, Any]) -> Options:
    """What the caller of a recording chose, as its job has it."""
    return Options(language=asked.get("language"), hint=SpeakerHint(**asked.get("hint", {})))


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording as the stages take it."""

    samples: Any
    duration: float
    """Seconds."""


def decode_upload(file: BinaryIO, directory: Path, max_duration: float) -> Samples:
    """The sound of an upload, by way of `directory`. Blocks. Raises AudioError, also beyond `max_duration` seconds."""
    upload = directory / "upload"
    with upload.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    try:
        return decode(upload, max_duration=max_duration)
    finally:
        upload.unlink()


def _keep(file: BinaryIO, directory: Path, kept: Path, max_duration: float) -> float:
    """Write the sound of an upload to `kept`; returns its length in seconds. Blocks. Raises AudioError."""
    samples = decode_upload(file, directory, max_duration)
    recording.write(kept, samples)
    return len(samples) / SAMPLE_RATE
