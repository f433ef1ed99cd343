"""Conversations while they are spoken: audio in, lines out, and at the end a recording like any other."""

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from media import recording, spool
from media.spool import Spool, SpoolBusyError
from media.stream import decoder
from pipeline.identity.policy import IdentityPolicy
from pipeline.live.endpointing import ENERGY, SILERO, Endpointer, energy
from pipeline.stages import Stages
from pipeline.transcript.diarization import diarize, speakers_of
from pipeline.types import SAMPLE_RATE, Samples, SpeakerHint
from services.errors import failure_reason
from services.identity import live_segments, rediarization
from services.identity.rediarization import Regrouped
from services.live.session import Completed, Session, Start
from settings import Settings
from storage.audio import AudioStore
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")

THREADS = 4
"""Decode, detect speech and write, for all streams together."""
LOOK = 1.0
"""Seconds between two looks at who left a recording behind, or let go of one that another wants."""
PATIENCE = 30.0
"""Seconds for which a client that comes back waits until its last connection has let go."""
CATCH_UP = 60 * SAMPLE_RATE
"""Samples that are heard again in one go when a recording is taken up."""

Emit = Callable[[str, dict[str, Any]], None]
"""Given the type and the data of a message for the client. Must not block."""

T = TypeVar("T")


class LiveError(Exception):
    """A client cannot have what it asks for; the message is one sentence. `code` closes its connection (RFC 6455)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Live:
    """The live conversations of one ingress replica.

    What a conversation needs to go on is its file, under its database's name of it, and the lines that are kept. So whoever
    finds a file that nobody writes can take it up: a client that comes back, or else, after a while, any replica.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        policy: Callable[[], Awaitable[IdentityPolicy]],
        share: Callable[[Samples], Any],
    ) -> None:
        self.settings = settings
        self.stages = stages
        self.database = database
        self.store = store
        self.policy = policy
        self.share = share
        self.directory = settings.data_path / "live"
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._sessions: set[Session] = set()
        self._opening = 0
        """Streams that are not among the sessions yet."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._final = asyncio.Semaphore(1)
        """Whole recordings are large: one at a time."""

    async def start(self, asked: Start, emit: Emit) -> Session:
        """Begin a conversation, or go on with one. `emit` gets the messages for its client.

        Raises LiveError.
        """
        if len(self._sessions) + self._opening >= self.settings.max_streams:
            raise LiveError(f"All {self.settings.max_streams} live streams are in use: try again later.", 1013)
        self._opening += 1
        opening = self.spawn(self._begin(asked, emit))
        opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # the client hung up while it waited
            opening.add_done_callback(self._abandon)
            raise

    def _opened(self, _opening: asyncio.Task[Session]) -> None:
        self._opening -= 1

    def _abandon(self, opening: asyncio.Task[Session]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.leave(opening.result())

    async def _begin(self, asked: Start, emit: Emit) -> Session:
        await self.policy()  # raises before there is anything to clean up, where the stages do not answer
        if asked.conversation_id is None:
            uuid = uuid4()
            file = await self.thread(Spool, self._path(uuid))
            try:
                async with self.database.session() as session:
                    kept_as = recording.SUFFIX.lstrip(".")
                    conversation = await live_segments.begin(session, uuid, asked.title, kept_as, asked.language)
            except BaseException:
                await self.thread(file.discard)
                raise
            return await self._open(conversation, file, 0.0, asked, emit)
        return await self._resume(asked.conversation_id, asked, emit)

    async def finish(self, session: Session) -> Completed:
        """Make a recording like any other of the conversation, and have the diarizer hear all of it.

        A client that asked for that waits for it; others are told what there is, and it is done afterwards.
        """
        done = await session.finish()
        if not session.asked.speaker_update:
            self.spawn(self._regroup(done, session.asked.num_speakers))
            return done
        try:
            found = await self._regroup(done, session.asked.num_speakers)
        except Exception as error:
            logger.exception("The speakers of conversation %d stay as they were heard live", done.conversation_id)
            session.emit("error", {"message": f"Speaker update error: {failure_reason(error)}"})
            return done
        lines = [{"segment_id": line.id, "speaker_name": line.speaker_name} for line in found.lines]
        data = {"conversation_id": done.conversation_id, "num_speakers": found.num_speakers, "segments": lines}
        session.emit("speaker_update", data)
        return replace(done, num_speakers=found.num_speakers)

    def leave(self, session: Session) -> None:
        """Its client is gone. It is finished, at once or when nobody has come back for it."""
        self.spawn(session.pause() if session.asked.resumable else self.finish(session))

    def recover(self) -> None:
        """See to it that whatever is left behind is finished, also by former processes, whose clients get time to come back."""
        for path in self.directory.glob(f"*{spool.SUFFIX}"):
            with suppress(FileNotFoundError):  # another replica has finished it
                os.utime(path)
        self.spawn(self._watch())

    async def close(self) -> None:
        """Let go of everything. What is being recorded stays for the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in list(self._sessions):
            await session.close()
        self._threads.shutdown(wait=False)

    def forget(self, session: Session) -> None:
        self._sessions.discard(session)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that outlives its client: Serve cancels all that was begun within a request when that ends."""
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run what blocks, in one of the threads of all streams."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def keep(self, file: Spool) -> str:
        """Put a finished recording into the audio store; returns its key."""
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            await self.thread(file.export, kept)
            return await self.store.put(kept, recording.SUFFIX)

    def _path(self, uuid: UUID) -> Path:
        return self.directory / f"{uuid}{spool.SUFFIX}"

    async def _open(self, conversation: int, file: Spool, heard: float, asked: Start, emit: Emit) -> Session:
        """A session that has caught up with its file from `heard` seconds on."""
        try:
            voice = (await self.policy()).voice
            origin = min(round(heard * SAMPLE_RATE), file.length)
            endpointer = await self.thread(_endpointer, self.settings.endpointing, voice.silence_duration, origin)
        except BaseException:
            await self.thread(file.close)
            raise
        session = Session(self, conversation, file, endpointer, decoder(asked.encoding, asked.sample_rate), asked, emit)
        self._sessions.add(session)
        for start in range(origin, file.length, CATCH_UP):
            await session.hear_again(start, start + CATCH_UP)
        return session

    async def _resume(self, conversation: int, asked: Start, emit: Emit) -> Session:
        """Go on, once whoever still has the recording lets go of it: mostly a dead connection that nobody knows to be dead."""
        async with self.database.session() as session:
            uuid = await live_segments.name_of_recording(session, conversation)
        deadline = time.monotonic() + PATIENCE
        while uuid is not None and self._path(uuid).exists():
            if opened := await self._take_up(self._path(uuid), asked, emit):
                return opened
            holder = next((held for held in self._sessions if held.conversation_id == conversation), None)
            if time.monotonic() > deadline or (holder is not None and not holder.asked.resumable):
                break
            if holder is not None:
                holder.superseded.set()
            await asyncio.sleep(LOOK / 4)
        raise LiveError(
            f"Conversation {conversation} cannot be resumed: it is finished, still connected, or recorded elsewhere. "
            "Start a new one.",
            1008,
        )

    async def _take_up(self, path: Path, asked: Start, emit: Emit) -> Session | None:
        """Go on with the recording of a file; None where there is nothing to go on with."""
        file = await self.thread(_take, path)
        if file is None:
            return None
        try:
            async with self.database.session() as session:
                found = await live_segments.find(session, UUID(path.stem))
        except BaseException:
            await self.thread(file.close)
            raise
        if found is None or found.status != live_segments.RECORDING:
            await self.thread(file.discard)  # deleted, or finished already
            return None
        again = asked.model_copy(update={"language": asked.language or found.language})
        return await self._open(found.id, file, found.heard, again, emit)

    async def _regroup(self, done: Completed, num_speakers: int | None) -> Regrouped:
        """Tell the speakers of a finished recording apart again, all of it at once."""
        async with self._final:
            audio = await self._load(done.audio_key) if done.audio_key and done.num_segments else None
            if audio is None:
                return Regrouped((), done.num_speakers)
            diarization, people = await diarize(audio, done.duration, self.stages, SpeakerHint(num_speakers))
            del audio
            async with self.database.session() as session:
                words = await rediarization.words(session, done.conversation_id)
            speaker_of = await self.thread(speakers_of, words, diarization)
            voices = {person.label: person.voiceprint for person in people}
            policy = await self.policy()
            async with self.database.session() as session:
                return await rediarization.regroup(session, done.conversation_id, speaker_of, diarization.turns, voices, policy)

    async def _load(self, key: str) -> Any:
        async with self.store.local_path(key) as path:
            return await self.thread(self.share, await self.thread(recording.read, path))

    async def _watch(self) -> None:
        """Finish recordings that nobody has written for a while, whichever process left them: they come from killed replicas,
        from clients that were given time to come back, and from whatever could not be finished the last time."""
        while True:
            for path in await self.thread(_abandoned, self.directory, self.settings.stream_resume_seconds):
                self.spawn(self._finish_abandoned(path))
            await asyncio.sleep(LOOK)

    async def _finish_abandoned(self, path: Path) -> None:
        session = await self._take_up(path, Start(), _silent)
        if session is not None:
            await self.finish(session)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, LiveError):
            logger.error("Work on a live conversation failed", exc_info=error)


def _silent(_type: str, _data: dict[str, Any]) -> None: ...


def _abandoned(directory: Path, patience: float) -> list[Path]:
    """Files that nobody has written, or let go of, for `patience` seconds; somebody may still hold them."""
    found = []
    for path in directory.glob(f"*{spool.SUFFIX}"):
        with suppress(FileNotFoundError):  # finished meanwhile
            if time.time() - path.stat().st_mtime >= patience:
                found.append(path)
    return found


def _take(path: Path) -> Spool | None:
    """The file, unless there is none or somebody writes it."""
    try:
        return Spool(path) if path.exists() else None
    except SpoolBusyError:
        return None


def _endpointer(kind: str, silence_duration: float, origin: int) -> Endpointer:
    if kind == "energy":
        return Endpointer(energy, ENERGY, silence_duration, origin)
    from engines.streaming_vad import StreamingVad

    return Endpointer(StreamingVad(), SILERO, silence_duration, origin)
