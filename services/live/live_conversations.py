"""Start, resume and finish the live conversations of a process."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from media import recording
from media.spool import Spool
from media.stream import decoder
from pipeline.live.endpointing import ENERGY, SILERO, Endpointer, energy
from pipeline.live.language import LanguageTracker
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples
from services.errors import failure_reason
from services.live.background import BackgroundTasks, StreamThreads
from services.live.finalization import Finalizer, FinishedRecording
from services.live.messages import Emit, Start
from services.live.recorder import Recorder
from services.live.segment_store import SegmentStore
from services.live.session import LiveSession
from services.live.spool_directory import SpoolDirectory, open_free
from services.policy import Policies
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import live_recordings
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

ABANDONED_POLL_INTERVAL_S = 1.0
RESUME_TIMEOUT_S = 30.0
"""How long a client that resumes waits until its former connection has released the recording."""
RESUME_POLL_INTERVAL_S = 0.25
RESCAN_SAMPLES = 60 * SAMPLE_RATE
"""Samples that are read in one call when a recording is resumed."""


class LiveError(Exception):
    """A client cannot have what it requests; the message is one sentence."""


class TooManyStreamsError(LiveError):
    """All live streams are in use."""


class NotResumableError(LiveError):
    """The conversation cannot be continued by this client."""


class LiveConversations:
    """The live conversations of one ingress replica.

    A conversation can be continued from its spool file, which the database knows by its name, and its stored segments. So a
    file that no stream holds can be taken over: by a client that resumes it, or after a while by any replica.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        policies: Policies,
        share: Callable[[Samples], Any],
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._database = database
        self._policies = policies
        self._share = share
        self._spools = SpoolDirectory(settings.data_path / "live")
        self._threads = StreamThreads()
        self._tasks = BackgroundTasks(LiveError)
        self._finalizer = Finalizer(stages, database, store, self._threads, policies, share)
        self._sessions: set[LiveSession] = set()
        self._opening = 0
        """Streams that are not in `_sessions` yet."""

    async def start(self, options: Start, emit: Emit) -> LiveSession:
        """Begin a conversation, or resume one. `emit` sends messages to its client.

        Raises TooManyStreamsError, NotResumableError, ModelsUnavailableError.
        """
        if len(self._sessions) + self._opening >= self._settings.max_streams:
            raise TooManyStreamsError(f"All {self._settings.max_streams} live streams are in use: try again later.")
        self._opening += 1
        opening = self._tasks.spawn(self._begin(options, emit))
        opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # the client disconnected while it waited
            opening.add_done_callback(self._abandon)
            raise

    async def finish(self, session: LiveSession) -> tuple[FinishedRecording, int]:
        """Archive the conversation, and determine its speakers again from the whole recording.

        Returns the recording and how many spans of speech failed. A client that asked for `speaker_update` waits for the
        speakers; otherwise they follow in the background. The work goes on if the caller is cancelled.
        """
        return await asyncio.shield(self._tasks.spawn(self._finish(session)))

    def leave(self, session: LiveSession) -> None:
        """The client is gone: pause the session if it can be resumed, else finish it."""
        self._tasks.spawn(session.pause() if session.options.resumable else self._finish(session))

    def recover(self) -> None:
        """Finish abandoned recordings from now on, also those of former processes, whose clients first get time to resume."""
        self._spools.touch()
        self._tasks.spawn(self._watch_abandoned())

    async def close(self) -> None:
        """Stop all work. Recordings that are not finished stay for the next start."""
        await self._tasks.cancel()
        for session in list(self._sessions):
            await session.close()
        self._threads.shutdown()

    def _opened(self, _opening: asyncio.Task[LiveSession]) -> None:
        self._opening -= 1

    def _abandon(self, opening: asyncio.Task[LiveSession]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.leave(opening.result())

    async def _begin(self, options: Start, emit: Emit) -> LiveSession:
        await self._policies.embedding_model()  # raises before there is anything to clean up if the stages do not answer
        if options.conversation_id is not None:
            return await self._resume(options.conversation_id, options, emit)
        uuid = uuid4()
        file = await self._threads.run(Spool, self._spools.file(uuid))
        try:
            async with self._database.session() as session:
                audio_format = recording.SUFFIX.lstrip(".")
                conversation_id = await live_recordings.begin(session, uuid, options.title, audio_format, options.language)
        except BaseException:
            await self._threads.run(file.discard)
            raise
        return await self._open(conversation_id, file, 0.0, options, emit)

    async def _resume(self, conversation_id: int, options: Start, emit: Emit) -> LiveSession:
        """Continue once the recording is released: it is mostly held by a dead connection that has not been noticed yet."""
        async with self._database.session() as session:
            uuid = await live_recordings.name_of_recording(session, conversation_id)
        deadline = time.monotonic() + RESUME_TIMEOUT_S
        while uuid is not None and self._spools.file(uuid).exists():
            if opened := await self._take_over(self._spools.file(uuid), options, emit):
                return opened
            holder = next((held for held in self._sessions if held.conversation_id == conversation_id), None)
            if time.monotonic() > deadline or (holder is not None and not holder.options.resumable):
                break
            if holder is not None:
                holder.superseded.set()
            await asyncio.sleep(RESUME_POLL_INTERVAL_S)
        raise NotResumableError(
            f"Conversation {conversation_id} cannot be resumed: it is finished, still connected, or recorded elsewhere. "
            "Start a new one."
        )

    async def _take_over(self, path: Path, options: Start, emit: Emit) -> LiveSession | None:
        """Continue the recording in a file; None if it is held, or finished or deleted."""
        file = await self._threads.run(open_free, path)
        if file is None:
            return None
        try:
            async with self._database.session() as session:
                found = await live_recordings.find(session, UUID(path.stem))
        except BaseException:
            await self._threads.run(file.close)
            raise
        if found is None or found.status != live_recordings.RECORDING:
            await self._threads.run(file.discard)
            return None
        options = options.model_copy(update={"language": options.language or found.language})
        return await self._open(found.id, file, found.heard, options, emit)

    async def _open(self, conversation_id: int, file: Spool, processed_s: float, options: Start, emit: Emit) -> LiveSession:
        """A session that continues its file. Audio after `processed_s` seconds is processed again."""
        settings = self._settings
        try:
            silence_duration = (await self._policies.voice_settings()).silence_duration
            origin = min(round(processed_s * SAMPLE_RATE), file.length)
            endpointer = await self._threads.run(_endpointer, settings.endpointing, silence_duration, origin)
        except BaseException:
            await self._threads.run(file.close)
            raise
        stream = decoder(options.encoding, options.sample_rate)
        recorder = Recorder(conversation_id, file, stream, endpointer, self._threads, self._share, settings.max_duration_hours)
        session = LiveSession(
            SegmentStore(self._database, self._policies, conversation_id, options.num_speakers),
            recorder,
            options,
            self._stages,
            LanguageTracker(options.language or settings.language),
            self._tasks,
            emit,
            self._sessions.discard,
            settings.segment_handler_timeout_seconds,
        )
        self._sessions.add(session)
        for start in range(origin, file.length, RESCAN_SAMPLES):
            await recorder.rescan(start, start + RESCAN_SAMPLES)
        return session

    async def _finish(self, session: LiveSession) -> tuple[FinishedRecording, int]:
        try:
            await session.drain()
            finished = await self._finalizer.archive(session.conversation_id, session.recorder.spool, session.language.main)
        finally:
            await session.close()
        rediarize = self._finalizer.rediarize(finished, session.options.num_speakers)
        if not session.options.speaker_update:
            self._tasks.spawn(rediarize)
            return finished, session.errors
        try:
            found = await rediarize
        except Exception as error:
            logger.exception("The speakers of conversation %d were not determined again", finished.conversation_id)
            session.emit("error", {"message": f"Speaker update error: {failure_reason(error)}"})
            return finished, session.errors
        segments = [{"segment_id": segment.id, "speaker_name": segment.speaker_name} for segment in found.segments]
        session.emit(
            "speaker_update",
            {"conversation_id": finished.conversation_id, "num_speakers": found.num_speakers, "segments": segments},
        )
        return replace(finished, num_speakers=found.num_speakers), session.errors

    async def _watch_abandoned(self) -> None:
        """Finish recordings that no stream has written for a while: from killed replicas, from clients that did not resume,
        and those that could not be finished before."""
        while True:
            for path in await self._threads.run(self._spools.abandoned, self._settings.stream_resume_seconds):
                self._tasks.spawn(self._finish_abandoned(path))
            await asyncio.sleep(ABANDONED_POLL_INTERVAL_S)

    async def _finish_abandoned(self, path: Path) -> None:
        session = await self._take_over(path, Start(), lambda _type, _data: None)
        if session is not None:
            await self._finish(session)


def _endpointer(kind: str, silence_duration: float, origin: int) -> Endpointer:
    if kind == "energy":
        return Endpointer(energy, ENERGY, silence_duration, origin)
    from engines.streaming_vad import StreamingVad

    return Endpointer(StreamingVad(), SILERO, silence_duration, origin)
