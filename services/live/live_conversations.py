"""Start, resume and finish the live conversations of a process."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from uuid import UUID

from engines.weights.whisper_models import ModelError
from media.memory import MemoryBudget
from pipeline.languages import chosen_language
from pipeline.stages import Stages
from pipeline.types import Samples
from services.access.actor import actor
from services.errors import LimitExceededError
from services.live import resume_token, server_messages
from services.live.background import BackgroundTasks, StreamThreads
from services.live.client_messages import StartMessage
from services.live.finalization import Finalizer
from services.live.server_messages import CompletedMessage, Emit
from services.live.session import LiveSession
from services.live.session_opener import SessionOpener
from services.live.spool_directory import SpoolDirectory, open_free
from services.models import Models
from services.policy import Policies
from services.vocabulary import Vocabularies
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import live_recordings
from storage.postgres.database import FAILURES, Database

logger = logging.getLogger("ray.serve")

ABANDONED_POLL_INTERVAL_S = 1.0
RESUME_TIMEOUT_S = 30.0
"""How long a client that resumes waits until a recording is free that its former connection in this process does not hold."""
RESUME_POLL_INTERVAL_S = 0.25


class LiveError(Exception):
    """A client cannot have what it requests; the message is one sentence."""


class TooManyStreamsError(LiveError):
    """All live streams are in use."""


class NotResumableError(LiveError):
    """The conversation cannot be continued by this client."""


class LiveConversations:
    """The live conversations of one ingress replica.

    The spool file, which is named in the database, and the stored segments are all it takes to continue a conversation. So a
    file that no stream holds can be taken over: by a client that resumes it, or after a while by any replica.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        background_stages: Stages[Any],
        database: Database,
        store: AudioStore,
        policies: Policies,
        vocabularies: Vocabularies,
        share: Callable[[Samples], Any],
        memory: MemoryBudget,
        models: Models,
    ) -> None:
        self._models = models
        self._language = settings.language
        self._max_streams = settings.max_streams
        self._resume_s = settings.stream_resume_seconds
        self._database = database
        self._policies = policies
        self._sessions: set[LiveSession] = set()
        self._opening = 0
        """Streams that are not in `_sessions` yet."""
        self._threads = StreamThreads()
        self._tasks = BackgroundTasks(LiveError, LimitExceededError, ModelError)
        self._spools = SpoolDirectory(settings.data_path / "live")
        self._finalizer = Finalizer(settings, background_stages, database, store, self._threads, policies, share, memory)
        self._opener = SessionOpener(
            settings,
            stages,
            database,
            store,
            self._spools,
            self._threads,
            self._tasks,
            policies,
            vocabularies,
            share,
            on_close=self._sessions.discard,
        )

    async def start(self, options: StartMessage, emit: Emit) -> LiveSession:
        """Begin a conversation, or resume one. `emit` sends messages to its client.

        Raises TooManyStreamsError, NotResumableError, ModelError, ModelsUnavailableError.
        """
        if len(self._sessions) + self._opening >= self._max_streams:
            raise TooManyStreamsError(f"All {self._max_streams} live streams are in use: try again later.")
        self._opening += 1
        opening = self._tasks.spawn(self._begin(options, emit))
        opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # the client disconnected while it waited
            opening.add_done_callback(self._abandon)
            raise

    async def finish(self, session: LiveSession) -> CompletedMessage:
        """Determine the speakers again from the whole recording, and archive the conversation, which is final then.

        The work goes on if the caller is cancelled.
        """
        return await asyncio.shield(self._tasks.spawn(self._finish(session)))

    def leave(self, session: LiveSession) -> None:
        """The client is gone: pause the session if it can be resumed, else finish it."""
        if session.is_erased:
            return
        self._tasks.spawn(session.pause() if session.options.resumable else self._finish(session))

    async def discard(self, conversation_id: int, uuid: UUID) -> None:
        """The conversation was erased: end its connection, and delete its recording from this machine.

        Other replicas notice it by themselves within a second or two, and delete a recording that waits for its client after
        `STREAM_RESUME_SECONDS`.
        """
        await self._erase({conversation_id})
        spool = await self._threads.run(open_free, self._spools.file(uuid))
        if spool is not None:
            await self._threads.run(spool.discard)

    def recover(self) -> None:
        """Finish abandoned recordings from now on.

        Those of former processes are included; their clients first get `STREAM_RESUME_SECONDS` to resume.
        """
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

    async def _begin(self, options: StartMessage, emit: Emit) -> LiveSession:
        await self._policies.embedding_model()  # raises before there is anything to clean up if the stages do not answer
        spoken = chosen_language(options.language, self._language)
        options = options.decoded_as(await self._models.chosen(options.decoding, spoken))
        if options.conversation_id is not None:
            return await self._admit(await self._resume(options.conversation_id, options, emit))
        return await self._admit(await self._opener.create(options, emit))

    async def _resume(self, conversation_id: int, options: StartMessage, emit: Emit) -> LiveSession:
        """Continue once the recording is free: it is held by a dead connection that has not been noticed yet, or by a lost one
        whose last segments are being processed, which takes minutes on a busy machine.

        A client without the token is refused with the sentence for a conversation that does not exist.
        """
        async with self._database.session() as session:
            found = await live_recordings.resumable(session, actor().principal, conversation_id)
        allowed = found is not None and resume_token.matches(options.resume_token, found.token_hash)
        path = self._spools.file(found.uuid) if found is not None and allowed else None
        deadline = time.monotonic() + RESUME_TIMEOUT_S
        while path is not None and path.exists():
            # A session counts until its file is free: where none is found first, this process does not hold the file.
            holder = next((held for held in self._sessions if held.conversation_id == conversation_id), None)
            if opened := await self._opener.take_over(path, options, emit):
                return opened
            if holder is not None and not holder.options.resumable:
                break
            will_be_free = holder is not None and not holder.is_finishing
            if not will_be_free and time.monotonic() > deadline:
                break
            if holder is not None:
                holder.superseded.set()
            await asyncio.sleep(RESUME_POLL_INTERVAL_S)
        raise NotResumableError(
            f"Conversation {conversation_id} cannot be resumed: it is finished, still connected or recorded elsewhere, or the "
            "resume token is not its own. Start a new one."
        )

    async def _admit(self, session: LiveSession) -> LiveSession:
        self._sessions.add(session)
        try:
            await session.recorder.catch_up()
        except BaseException:
            await session.close()
            raise
        return session

    async def _finish(self, session: LiveSession) -> CompletedMessage:
        session.is_finishing = True
        try:
            await session.drain()
            self._sessions.discard(session)  # the stream is free for another client
            finished = await self._finalizer.finish(
                session.conversation_id,
                session.recorder,
                session.language.main,
                session.options.num_speakers,
                session.notes,
                session.failure,
            )
        finally:
            await session.close()
        if session.options.speaker_update and finished.speaker_error is not None:
            session.emit(server_messages.error(f"Speaker update error: {finished.speaker_error}"))
        elif session.options.speaker_update and finished.has_audio:
            session.emit(server_messages.speaker_update(session.conversation_id, finished.num_speakers, finished.changed))
        return server_messages.completed(
            conversation_id=session.conversation_id,
            num_segments=finished.num_segments,
            num_speakers=finished.num_speakers,
            duration=finished.duration,
            processing_errors=session.errors,
            has_audio=finished.has_audio,
            cut_off=session.recorder.cut_off,
            languages=finished.languages,
        )

    async def _watch_abandoned(self) -> None:
        """Finish recordings that no stream has written for a while: from killed replicas, from clients that did not resume,
        and those that could not be finished before."""
        while True:
            for path in await self._threads.run(self._spools.abandoned, self._resume_s):
                self._tasks.spawn(self._finish_abandoned(path))
            await self._erase_missing()
            await asyncio.sleep(ABANDONED_POLL_INTERVAL_S)

    async def _erase_missing(self) -> None:
        """End the streams of conversations that were erased through another replica."""
        recorded = {session.conversation_id for session in self._sessions}
        if not recorded:
            return
        try:
            async with self._database.session() as session:
                await self._erase(recorded - await live_recordings.existing(session, recorded))
        except FAILURES as error:
            logger.warning("The database does not say which live conversations were erased: %s", error)

    async def _erase(self, erased: Collection[int]) -> None:
        """End the sessions of these conversations. One that is being finished finds out by itself."""
        for session in [held for held in self._sessions if held.conversation_id in erased and not held.is_finishing]:
            await session.erase()

    async def _finish_abandoned(self, path: Path) -> None:
        session = await self._opener.take_over(path, StartMessage(), lambda _message: None)
        if session is not None:
            await self._finish(await self._admit(session))
