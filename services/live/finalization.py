"""What follows the end of a live conversation: its recording is archived, and its speakers are determined again."""

import asyncio
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from media import recording
from media.memory import MemoryBudget
from media.spool import Spool
from pipeline.identity.policy import IdentityPolicy
from pipeline.stages import Stages
from pipeline.transcript.diarization import diarize, speakers_of
from pipeline.transcript.notes import unmet_hint
from pipeline.types import SAMPLE_RATE, ConversationSegment, Note, Samples, SpeakerHint, Turn, Voiceprint
from services.access import audit
from services.errors import failure_reason
from services.identity import live_segments, rediarization
from services.live.background import StreamThreads
from services.live.recorder import Recorder
from services.policy import Policies
from services.summaries.completion import on_completed
from services.unnamed_recordings import deleted_unless_named
from settings import Settings
from storage.audio import AudioStore
from storage.conversations import conversations, live_recordings
from storage.postgres.database import Database
from storage.speakers import speakers

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class FinishedRecording:
    num_segments: int
    num_speakers: int
    duration: float
    """Seconds."""
    has_audio: bool
    languages: tuple[str, ...] = ()
    """The most spoken first."""
    changed: tuple[ConversationSegment, ...] = ()
    """The segments that have another speaker than before."""
    speaker_error: str | None = None
    """Why the speakers could not be determined from the whole recording."""


@dataclass(frozen=True, slots=True)
class _Diarized:
    speaker_of: Mapping[int, str]
    turns: tuple[Turn, ...]
    voices: Mapping[str, Voiceprint | None]
    notes: list[Note]


class Finalizer:
    """Finalizes the live conversations of a process."""

    def __init__(
        self,
        settings: Settings,
        stages: Stages[Any],
        database: Database,
        store: AudioStore,
        threads: StreamThreads,
        policies: Policies,
        share: Callable[[Samples], Any],
        memory: MemoryBudget,
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._database = database
        self._store = store
        self._threads = threads
        self._policies = policies
        self._share = share
        self._memory = memory
        self._rediarizing = asyncio.Semaphore(1)
        """It takes the diarizer from recordings that wait: one at a time."""

    async def finish(
        self,
        conversation_id: int,
        recorder: Recorder,
        language: str | None,
        num_speakers: int | None,
        notes: Sequence[Note] = (),
        failure: str | None = None,
    ) -> FinishedRecording:
        """Determine the speakers of all segments again, move the recording to the audio store, and complete its conversation.

        Until then the conversation is being recorded, so that all of it is final when it is completed. It has failed if all
        audio is missing for a reason, or if there are no segments because of a `failure`; without any audio it is deleted.

        Raises if that fails; the spool stays, and the recording is finished later as an abandoned one. Raises LookupError, and
        deletes the spool, if the conversation was erased.
        """
        spool = recorder.spool
        if not spool.length and recorder.cut_off is None:
            await self._delete_empty(conversation_id, spool)
            return FinishedRecording(0, 0, 0.0, False)
        diarized, speaker_error = None, None
        try:
            diarized = await self._diarize(conversation_id, spool, num_speakers)
        except Exception as error:
            speaker_error = failure_reason(error)
            logger.exception("The speakers of conversation %d could not be determined again", conversation_id)
        key = await self._export(spool) if spool.length else None
        try:
            async with deleted_unless_named(self._database, self._store, key), self._database.session() as session:
                policy = await self._policies.lock(session)
                await speakers.lock(session)
                duration = spool.length / SAMPLE_RATE
                counts = await live_segments.finish(
                    session, conversation_id, key, duration, language, recorder.cut_off, failure
                )
                await conversations.add_notes(session, conversation_id, notes)
                if speaker_error is not None:
                    await conversations.add_notes(session, conversation_id, [_not_determined(speaker_error)])
                changed, num_found = await self._rediarize(session, conversation_id, diarized, policy)
                if counts.segments:
                    await on_completed(session, self._settings, conversation_id)
        except LookupError:  # a KeyError is one, too
            async with self._database.session() as session:
                erased = not await live_recordings.existing(session, [conversation_id])
            if erased:
                await self._threads.run(spool.path.unlink, True)
            raise
        await self._threads.run(spool.path.unlink, True)
        found = counts.speakers if num_found is None else num_found
        return FinishedRecording(
            counts.segments, found, duration, key is not None, tuple(counts.languages), changed, speaker_error
        )

    async def _delete_empty(self, conversation_id: int, spool: Spool) -> None:
        try:
            async with self._database.session() as session:
                await conversations.remove(session, conversation_id, active=True)
                await audit.record(session, "conversation.delete", f"conversation:{conversation_id}")
        finally:
            await self._threads.run(spool.path.unlink, True)

    async def _diarize(self, conversation_id: int, spool: Spool, num_speakers: int | None) -> _Diarized | None:
        """The speakers of the segments in the whole recording; None if there are no segments."""
        async with self._database.session() as session:
            words = await rediarization.words(session, conversation_id)
        if not words:
            return None
        async with self._rediarizing:
            audio = await self._threads.run(self._share, await self._threads.run(self._read, spool))
            hint = SpeakerHint(num_speakers)
            diarization, participants = await diarize(audio, spool.length / SAMPLE_RATE, self._stages, hint)
            del audio
            speaker_of = await self._threads.run(speakers_of, words, diarization)
        voices = {participant.label: participant.voiceprint for participant in participants}
        unmet = unmet_hint(hint, len({turn.speaker for turn in diarization.turns}))
        return _Diarized(speaker_of, diarization.turns, voices, [*([] if unmet is None else [unmet]), *diarization.notes])

    async def _rediarize(
        self, session: AsyncSession, conversation_id: int, diarized: _Diarized | None, policy: IdentityPolicy
    ) -> tuple[tuple[ConversationSegment, ...], int | None]:
        """The segments that have another speaker now, and the number of speakers if it was determined again."""
        if diarized is None:
            return (), None
        await conversations.add_notes(session, conversation_id, diarized.notes)
        found = await rediarization.rediarize(
            session, conversation_id, diarized.speaker_of, diarized.turns, diarized.voices, policy
        )
        return found.segments, found.num_speakers

    def _read(self, spool: Spool) -> Samples:
        """All of the recording, within the memory budget. Blocks."""
        samples = self._memory.allocate(spool.length)
        for at in range(0, len(samples), recording.BLOCK_SAMPLES):
            block = spool.read(at, at + recording.BLOCK_SAMPLES)
            samples[at : at + len(block)] = block
        return samples

    async def _export(self, spool: Spool) -> str:
        """Store the audio; returns its key."""
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            path = Path(directory, "recording").with_suffix(recording.SUFFIX)
            await self._threads.run(spool.export, path)
            return await self._store.put(path, recording.SUFFIX)


def _not_determined(reason: str) -> Note:
    return Note("speakers", f"The speakers were determined while they spoke, and not from the whole recording: {reason}")
