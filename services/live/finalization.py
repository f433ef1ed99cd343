"""What follows the end of a live conversation: its recording is archived, and its speakers are determined again."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media import recording
from media.memory import MemoryBudget
from media.spool import Spool
from pipeline.stages import Stages
from pipeline.transcript.diarization import diarize, speakers_of
from pipeline.transcript.notes import unmet_hint
from pipeline.types import SAMPLE_RATE, Samples, SpeakerHint
from services.identity import live_segments, rediarization
from services.identity.rediarization import Rediarized
from services.live.background import StreamThreads
from services.policy import Policies
from storage.audio import AudioStore
from storage.conversations import conversations
from storage.postgres.database import Database


@dataclass(frozen=True, slots=True)
class FinishedRecording:
    conversation_id: int
    num_segments: int
    num_speakers: int
    duration: float
    """Seconds."""
    audio_key: str | None
    """None if no audio came."""


class Finalizer:
    """Finalizes the live conversations of a process."""

    def __init__(
        self,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        threads: StreamThreads,
        policies: Policies,
        share: Callable[[Samples], Any],
        memory: MemoryBudget,
    ) -> None:
        self._stages = stages
        self._database = database
        self._store = store
        self._threads = threads
        self._policies = policies
        self._share = share
        self._memory = memory
        self._rediarizing = asyncio.Semaphore(1)
        """It takes the diarizer from recordings that wait: one at a time."""

    async def archive(self, conversation_id: int, spool: Spool, language: str | None, cut_off: str | None) -> FinishedRecording:
        """Move a recording from its spool to the audio store, and complete its conversation.

        `cut_off` says why audio is missing at the end; it is stored with the conversation, which has failed if all is missing.

        Raises if that fails; the spool stays, and the recording is finished later as an abandoned one. Raises LookupError, and
        deletes the spool, if the conversation was erased.
        """
        duration = spool.length / SAMPLE_RATE
        key = await self._export(spool) if spool.length else None
        try:
            async with self._database.session() as session:
                counts = await live_segments.finish(session, conversation_id, key, duration, language, cut_off)
        except BaseException as error:
            if key is not None:
                await self._store.delete(key)
            if isinstance(error, LookupError):
                await self._threads.run(spool.path.unlink, True)
            raise
        await self._threads.run(spool.path.unlink, True)
        return FinishedRecording(conversation_id, counts.segments, counts.speakers, duration, key)

    async def rediarize(self, finished: FinishedRecording, num_speakers: int | None) -> Rediarized:
        """Determine the speakers of all segments again, from the whole recording."""
        async with self._rediarizing:
            audio = await self._load(finished.audio_key) if finished.audio_key and finished.num_segments else None
            if audio is None:
                return Rediarized((), finished.num_speakers)
            diarization, participants = await diarize(audio, finished.duration, self._stages, SpeakerHint(num_speakers))
            del audio
            async with self._database.session() as session:
                words = await rediarization.words(session, finished.conversation_id)
            speaker_of = await self._threads.run(speakers_of, words, diarization)
            voices = {participant.label: participant.voiceprint for participant in participants}
            unmet = unmet_hint(SpeakerHint(num_speakers), len({turn.speaker for turn in diarization.turns}))
            async with self._database.session() as session:
                policy = await self._policies.lock(session)
                await conversations.add_notes(session, finished.conversation_id, [] if unmet is None else [unmet])
                return await rediarization.rediarize(
                    session, finished.conversation_id, speaker_of, diarization.turns, voices, policy
                )

    async def _export(self, spool: Spool) -> str:
        """Store the audio; returns its key."""
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            path = Path(directory, "recording").with_suffix(recording.SUFFIX)
            await self._threads.run(spool.export, path)
            return await self._store.put(path, recording.SUFFIX)

    async def _load(self, key: str) -> Any:
        async with self._store.local_path(key) as path:
            return await self._threads.run(self._share, await self._threads.run(recording.read, path, None, self._memory))
