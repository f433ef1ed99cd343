"""Accept recordings as jobs, and load stored recordings for the stages."""

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.ext.asyncio import AsyncSession

from media import free_space, recording
from media.decoders import Decoded, Decoders
from media.memory import MemoryBudget
from pipeline.process import Options
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, ChannelMode, Note, Samples
from services.access import audit, limits
from services.access.actor import actor
from services.runtime import Runtime
from services.unnamed_recordings import deleted_unless_named
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.events.notifications import Notifications
from storage.jobs import jobs
from storage.jobs.limit import check_room
from storage.jobs.options import JobOptions
from storage.postgres.database import Database

MAX_NAME_CHARS = 255


@dataclass(frozen=True, slots=True)
class Accepted:
    conversation_id: int
    job_id: int


class Recordings:
    """Accepts recordings, which workers process (`services.worker`), and loads them for the stages."""

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
        """Set when the program stops, so that requests end their wait for a result."""
        self.memory = MemoryBudget()
        self._decoders = Decoders()
        self._runtime = runtime

    async def accept(self, file: BinaryIO, filename: str, options: Options, webhook_url: str | None = None) -> Accepted:
        """Store a new recording and queue its processing.

        Args:
            file: The upload, positioned at its beginning.
            filename: The client's name for it: a label, never a path.
            webhook_url: The URL that is called when the job has ended.

        Raises:
            AudioError: The file holds no audio; nothing is stored then.
            QueueFullError: Too many recordings are queued; nothing is stored then.
            DiskFullError: Too little space is free; nothing is stored then.
        """
        async with self.database.session() as session:
            await check_room(session, self.settings.max_queued)  # before hours of audio are decoded for nothing
            await limits.check_queue(session, self.settings)
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            decoded = await self._decode(file, kept, self.settings.max_duration_hours * 3600, options.channels)
            await self.store.require_space(await asyncio.to_thread(os.path.getsize, kept))
            key = await self.store.put(kept, recording.SUFFIX)
        async with deleted_unless_named(self.database, self.store, key), self.database.session() as session:
            conversation = await conversations.create(
                session,
                title=f"Uploaded: {filename[:MAX_NAME_CHARS]}",
                title_source="default",
                file_name=filename[:MAX_NAME_CHARS],
                audio_key=key,
                audio_format=recording.SUFFIX.lstrip("."),
                creator=actor().principal,
                notes=decoded.notes,
            )
            length = Length(decoded.duration, decoded.channels)
            return await self._enqueue(session, "conversation.create", conversation, options, length, webhook_url)

    async def reprocess(self, conversation: int, options: Options, webhook_url: str | None = None) -> Accepted:
        """Queue a conversation's recording to be processed again; manual corrections are kept.

        Raises:
            LookupError: There is no such conversation, or no recording of it.
            ConversationBusyError: The conversation is being processed.
            QueueFullError: Too many recordings are queued.
        """
        async with self.database.session() as session:
            key = await conversations.lock_recording(session, conversation)
        try:
            async with self.store.local_path(key) as path:
                length = await asyncio.to_thread(_length, path, options.channels)
        except FileNotFoundError as error:
            raise LookupError("Audio file not found") from error
        async with self.database.session() as session:
            await conversations.reopen(session, conversation)
            return await self._enqueue(session, "conversation.reprocess", conversation, options, length, webhook_url)

    async def load(self, key: str, channel: int | None = None) -> "Audio":
        """A stored recording, in the form that the stages take: one of its channels, from 0, or all of them mixed.

        Raises LookupError where it does not exist.
        """
        try:
            async with self.store.local_path(key) as path:
                return await self.shared(await asyncio.to_thread(recording.read, path, None, self.memory, channel))
        except FileNotFoundError as error:
            raise LookupError("Audio file not found") from error

    async def decode(self, file: BinaryIO, max_duration: float) -> "Audio":
        """An upload that is not stored, in the form that the stages take. Raises AudioError, DiskFullError."""
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            kept, decoded = await self.decode_to(Path(directory), file, max_duration, "mix")
            return replace(await self.load_file(kept), notes=decoded.notes)

    async def decode_to(self, directory: Path, file: BinaryIO, max_duration: float, mode: ChannelMode) -> tuple[Path, Decoded]:
        """Decode an upload into a file, a sixth of the size of its samples in memory. Raises AudioError, DiskFullError."""
        kept = (directory / "recording").with_suffix(recording.SUFFIX)
        return kept, await self._decode(file, kept, max_duration, mode)

    async def load_file(self, kept: Path, channel: int | None = None) -> "Audio":
        """What `decode_to` has written, in the form that the stages take: one of its channels, from 0, or all of them mixed."""
        return await self.shared(await asyncio.to_thread(recording.read, kept, None, self.memory, channel))

    def close(self) -> None:
        self._decoders.close()

    async def finished(self, conversation: int) -> bool:
        """Wait until the conversation is processed; returns False where the program stops before that.

        Cancelling the wait does not stop the processing.
        """
        processed, stopped = asyncio.create_task(self._processed(conversation)), asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((processed, stopped), return_when=asyncio.FIRST_COMPLETED)
            if processed.done():
                await processed
                return True
            return False
        finally:
            for task in (processed, stopped):
                task.cancel()

    async def _decode(self, file: BinaryIO, kept: Path, max_duration: float, mode: ChannelMode = "mix") -> Decoded:
        """Write the audio of an upload to `kept`. Raises AudioError, DiskFullError."""
        upload = kept.with_name("upload")
        await asyncio.to_thread(_copy, file, upload)
        decoded = await self._decoders.decode(upload, kept, max_duration, mode)
        await asyncio.to_thread(upload.unlink)
        return decoded

    async def _processed(self, conversation: int) -> None:
        async for _ in self.notifications.watch(conversation):
            pass

    async def shared(self, samples: Samples) -> "Audio":
        """Samples in the form that the stages take."""
        return Audio(await asyncio.to_thread(self._runtime.share, samples), len(samples) / SAMPLE_RATE)

    async def _enqueue(
        self,
        session: AsyncSession,
        action: str,
        conversation: int,
        options: Options,
        length: "Length",
        webhook_url: str | None,
    ) -> Accepted:
        chosen = JobOptions(
            language=options.language,
            hint=options.hint,
            channels=options.channels,
            channel_count=length.channels,
            decoding=options.decoding,
            request_id=self._runtime.request_id(),
        )
        job = await jobs.enqueue(
            session, conversation, chosen, length.duration, max_queued=self.settings.max_queued, webhook_url=webhook_url
        )
        await limits.add_job(session, self.settings, job, length.duration * length.channels)
        await audit.record(session, action, f"conversation:{conversation}")
        return Accepted(conversation, job)


@dataclass(frozen=True, slots=True)
class Length:
    duration: float
    """Seconds."""
    channels: int
    """That are processed, one after the other."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording in the form that the stages take."""

    samples: Any
    """The samples themselves, or a reference to them in Ray's object store."""
    duration: float
    """Seconds."""
    notes: tuple[Note, ...] = ()
    """What decoding an upload left out or changed; those of a stored recording are with its conversation."""


def _length(path: Path, mode: ChannelMode) -> Length:
    """Blocks."""
    return Length(recording.duration(path), 1 if mode == "mix" else recording.channels(path))


def _copy(file: BinaryIO, target: Path) -> None:
    """Blocks. Raises DiskFullError."""
    file.seek(0, os.SEEK_END)
    free_space.require(target.parent, file.tell())
    file.seek(0)
    with target.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
