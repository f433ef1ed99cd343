"""Open live sessions on new and on existing recordings."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from media import free_space, recording
from media.spool import Spool
from media.stream import create_decoder
from pipeline.hotwords import left_out_note, merged
from pipeline.languages import chosen_language
from pipeline.live.endpointing import Endpointer
from pipeline.live.language import LanguageTracker
from pipeline.live.vad import ENERGY, SILERO, energy
from pipeline.stages import Stages
from pipeline.types import SAMPLE_RATE, Samples
from services.access import audit, limits
from services.access.actor import actor
from services.live.background import BackgroundTasks, StreamThreads
from services.live.client_messages import StartMessage
from services.live.recorder import Recorder
from services.live.resume_token import hash_of, new_token
from services.live.segment_store import SegmentStore
from services.live.server_messages import Emit
from services.live.session import LiveSession
from services.live.spool_directory import SpoolDirectory, open_free
from services.policy import Policies
from services.vocabulary import Vocabularies
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations, live_recordings
from storage.postgres.database import Database

logger = logging.getLogger("ray.serve")


class SessionOpener:
    """Composes sessions from their parts.

    Args:
        on_close: Called with each session that closes.
    """

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        spools: SpoolDirectory,
        threads: StreamThreads,
        tasks: BackgroundTasks,
        policies: Policies,
        vocabularies: Vocabularies,
        share: Callable[[Samples], Any],
        on_close: Callable[[LiveSession], None],
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._database = database
        self._store = store
        self._spools = spools
        self._threads = threads
        self._tasks = tasks
        self._policies = policies
        self._vocabularies = vocabularies
        self._share = share
        self._on_close = on_close

    async def create(self, options: StartMessage, emit: Emit) -> LiveSession:
        """A session on a new conversation. Its options have the token with which it is resumed, where it is resumable.

        Raises DiskFullError.
        """
        await self._threads.run(free_space.require, self._spools.path)
        uuid, token = uuid4(), new_token() if options.resumable else None
        options = options.model_copy(update={"resume_token": token})
        chosen = await self._vocabularies.chosen(options.decoding)
        spool = await self._threads.run(Spool, self._spools.file(uuid))
        try:
            async with self._database.session() as session:
                audio_format = recording.SUFFIX.lstrip(".")
                token_hash = None if token is None else hash_of(token)
                creator = actor().principal
                conversation_id = await live_recordings.begin(
                    session,
                    uuid,
                    options.title,
                    audio_format,
                    options.language,
                    token_hash,
                    creator,
                    options.decoding,
                    chosen.used,
                )
                if chosen.left_out:
                    await conversations.add_notes(session, conversation_id, [left_out_note(chosen.left_out)])
                await limits.add_stream(session, self._settings, conversation_id)
                await audit.record(session, "conversation.create", f"conversation:{conversation_id}")
        except BaseException:
            await self._threads.run(spool.discard)
            raise
        return await self._open(conversation_id, spool, 0.0, options.expecting(chosen.used), emit)

    async def take_over(self, path: Path, options: StartMessage, emit: Emit) -> LiveSession | None:
        """A session that continues the recording in a file; None if that is held, or its conversation finished or deleted."""
        spool = await self._threads.run(open_free, path)
        if spool is None:
            return None
        try:
            async with self._database.session() as session:
                found = await live_recordings.find(session, UUID(path.stem))
            if found is None or found.status != live_recordings.RECORDING:
                if found is None or found.audio_key is None or await self._store.exists(found.audio_key):
                    await self._threads.run(spool.discard)
                else:  # then this is the only copy of the sound
                    logger.error("The recording of conversation %d is not in the audio store; %s has it", found.id, path)
                    await self._threads.run(spool.close)
                return None
            options = options.continuing(found.language, found.decoding)
            chosen = await self._vocabularies.chosen(options.decoding)
            async with self._database.session() as session:
                await conversations.set_hotwords(session, found.id, merged(found.hotwords, chosen.used))
        except BaseException:
            await self._threads.run(spool.close)
            raise
        return await self._open(found.id, spool, found.stored_s, options.expecting(chosen.used), emit)

    async def _open(
        self, conversation_id: int, spool: Spool, stored_s: float, options: StartMessage, emit: Emit
    ) -> LiveSession:
        """`stored_s`: seconds up to which segments are stored; later audio is searched for speech again."""
        settings = self._settings
        try:
            silence_duration = (await self._policies.voice_settings()).silence_duration
            origin = min(round(stored_s * SAMPLE_RATE), spool.length)
            endpointer = await self._threads.run(_endpointer, settings.endpointing, silence_duration, origin)
        except BaseException:
            await self._threads.run(spool.close)
            raise
        recorder = Recorder(
            conversation_id,
            spool,
            create_decoder(options.encoding, options.sample_rate),
            endpointer,
            origin,
            self._threads,
            self._share,
            settings.max_duration_hours,
        )
        return LiveSession(
            SegmentStore(self._database, self._policies, conversation_id, options.num_speakers),
            recorder,
            options,
            self._stages,
            LanguageTracker(chosen_language(options.language, settings.language)),
            self._tasks,
            emit,
            self._on_close,
            settings.segment_handler_timeout_seconds,
        )


def _endpointer(kind: str, silence_duration: float, origin: int) -> Endpointer:
    """Blocks: the network of the first one is loaded from disk."""
    if kind == "energy":
        return Endpointer(energy, ENERGY, silence_duration, origin)
    from engines.streaming_vad import StreamingVad

    return Endpointer(StreamingVad(), SILERO, silence_duration, origin)
