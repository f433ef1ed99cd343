"""Import the database and the recordings of the reference system.

Each conversation is a transaction of its own and is known by its uuid: an import that was interrupted is continued by another
one, which leaves out what is here. Vectors of the reference system's model are kept but cannot be compared with others:
each participant is embedded again from the recording.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from media import recording
from media.decoders import Decoders
from media.decoding import AudioError
from pipeline.stages import SpeakerEmbedder
from pipeline.types import Note
from services.access import audit
from services.archive import legacy_voices
from services.archive.legacy_people import People, participants
from services.unnamed_recordings import deleted_unless_named
from settings import Settings
from storage.audio import AudioStore
from storage.legacy import inserts, rows
from storage.legacy.recordings import find
from storage.legacy.rows import LegacyConversation, LegacySegment, Losses
from storage.legacy.sqlite_file import Children, LegacyFile, LegacyFileError
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import Conversation, SegmentRow, Speaker

MAX_SEGMENTS = 100_000
"""Of one conversation; a day of speech has about 30,000."""
MAX_CONVERSATIONS = 200_000
MAX_PEOPLE = 50_000
"""Speakers, and emotion profiles of all of them."""
MAX_TRANSCRIPT_BYTES = 256 * 2**20
"""Texts and words of one conversation; a day of speech has about 20 MB."""
MAX_NOTES = 20
"""Of one conversation."""
UNFINISHED = "The reference system had not finished this recording: process it again."
FAILED = "The reference system could not process this recording: process it again."
WITH_ERRORS = "The reference system completed this conversation with errors: words may be missing."
NO_RECORDING = "The recording was not found in the directory that the import was given."

Progress = Callable[[int, int], None]
"""Called with the number of conversations that are done, and of all."""


@dataclass(slots=True)
class Imported:
    speakers: int = 0
    conversations: int = 0
    segments: int = 0
    recordings: int = 0
    labels: int = 0
    present: int = 0
    """Conversations that were here already."""
    losses: Losses = field(default_factory=Losses)
    voiceless: list[str] = field(default_factory=list)
    """Speakers without a reference of the present model: enroll a sample of each."""


@dataclass(frozen=True, slots=True)
class _Sound:
    key: str | None
    duration: float | None
    notes: tuple[Note, ...] = ()


NO_SOUND = _Sound(None, None)


class LegacyImport:
    """Imports one file. `embedder` computes voices with the present `model`; without one there are none of that model."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: AudioStore,
        file: LegacyFile,
        audio: Path | None,
        embedder: SpeakerEmbedder[Any] | None,
        model: str,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._file = file
        self._audio = audio
        self._embedder = embedder
        self._model = model
        self._decoders = Decoders()
        self._people = People()
        self._done = Imported()

    async def run(self, progress: Progress) -> Imported:
        """Import what is not here yet. Raises LegacyFileError, DiskFullError; what was imported before stays."""
        try:
            children = await asyncio.to_thread(Children, self._file, "conversation_segments", "conversation_id")
            labels = await asyncio.to_thread(Children, self._file, "ground_truth_labels", "segment_id")
            found = await asyncio.to_thread(self._conversations)
            await self._add_speakers()
            for number, conversation in enumerate(found):
                progress(number, len(found))
                await self._add(conversation, children, labels)
            progress(len(found), len(found))
            async with self._database.session() as session:
                self._done.voiceless = await inserts.without_voice(session, list(self._people.ids.values()), self._model)
            return self._done
        finally:
            await asyncio.to_thread(self._decoders.close)

    def _conversations(self) -> list[LegacyConversation]:
        """Those to import, by id."""
        found = []
        for row in self._file.rows("conversations", MAX_CONVERSATIONS):
            conversation = rows.conversation(row)
            if conversation is None:
                self._done.losses.add("A conversation without a valid id was left out.")
            elif conversation.status == "deleting":
                self._done.losses.add(f"Conversation {conversation.id} was being deleted, and was left out.")
            else:
                found.append(conversation)
        return found

    async def _add_speakers(self) -> None:
        losses = self._done.losses
        people = await asyncio.to_thread(lambda: [rows.speaker(row, losses) for row in self._file.rows("speakers", MAX_PEOPLE)])
        profiles = await asyncio.to_thread(
            lambda: [rows.emotion_profile(row, losses) for row in self._file.rows("speaker_emotion_profiles", MAX_PEOPLE)]
        )
        highest = {
            Speaker: self._file.highest_id("speakers"),
            Conversation: self._file.highest_id("conversations"),
            SegmentRow: self._file.highest_id("conversation_segments"),
        }
        async with self._database.session() as session:
            await speakers.lock(session)
            await inserts.reserve_ids(session, highest)
            for person in people:
                if person is None:
                    continue
                id_, new = await inserts.find_or_add_speaker(session, person)
                self._people.add(person.id, person.name, id_)
                if new:
                    self._done.speakers += 1
                    await audit.record(session, "speaker.import", f"speaker:{id_}")
            for profile in profiles:
                if profile is not None and (speaker := self._people.ids.get(profile.speaker_id)) is not None:
                    await inserts.add_emotion_profile(session, speaker, profile)

    async def _add(self, conversation: LegacyConversation, children: Children, labels: Children) -> None:
        async with self._database.session() as session:
            if await inserts.known_uuids(session, [conversation.uuid]):
                self._done.present += 1
                return
        losses = Losses()
        if children.count(conversation.id) > MAX_SEGMENTS:
            raise LegacyFileError(f"Conversation {conversation.id} has more than {MAX_SEGMENTS} segments.")
        segments = await asyncio.to_thread(self._segments, conversation, children, losses)
        with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
            kept = Path(directory, "recording").with_suffix(recording.SUFFIX)
            sound = await self._keep_sound(conversation, kept, losses)
            async with deleted_unless_named(self._database, self._store, sound.key):
                await self._store_conversation(conversation, segments, sound, kept, labels, losses)
        self._done.conversations += 1
        self._done.segments += len(segments)
        self._done.recordings += sound.key is not None
        self._done.losses.extend(losses)

    def _segments(self, conversation: LegacyConversation, children: Children, losses: Losses) -> list[LegacySegment]:
        """In order of time."""
        found, size = [], 0
        for row in children.of(conversation.id):
            size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
            if size > MAX_TRANSCRIPT_BYTES:
                raise LegacyFileError(f"Conversation {conversation.id} has more than {MAX_TRANSCRIPT_BYTES >> 20} MB of text.")
            if (segment := rows.segment(row, losses)) is not None:
                found.append(segment)
        return sorted(found, key=lambda one: (one.start, one.id))

    async def _keep_sound(self, conversation: LegacyConversation, kept: Path, losses: Losses) -> _Sound:
        """Decode the recording to `kept`, and store it."""
        path = await asyncio.to_thread(find, conversation.audio_path, self._audio)
        if path is None:
            losses.add(f"Conversation {conversation.id}: the recording {conversation.audio_path or '(none)'} was not found.")
            return replace(NO_SOUND, notes=(Note("left_out", NO_RECORDING),))
        try:
            decoded = await self._decoders.decode(path, kept, self._settings.max_duration_hours * 3600)
        except AudioError as error:
            losses.add(f"Conversation {conversation.id}: {path.name} cannot be read. {error}")
            return replace(NO_SOUND, notes=(Note("left_out", f"The recording could not be imported. {error}"),))
        await self._store.require_space(await asyncio.to_thread(os.path.getsize, kept))
        return _Sound(await self._store.put(kept, recording.SUFFIX), decoded.duration, decoded.notes)

    async def _store_conversation(
        self,
        conversation: LegacyConversation,
        segments: Sequence[LegacySegment],
        sound: _Sound,
        kept: Path,
        labels: Children,
        losses: Losses,
    ) -> None:
        voices = participants(segments, self._people, losses)
        if sound.key is not None and self._embedder is not None:
            voices = await legacy_voices.embedded(voices, kept, self._embedder)
        status, error, notes = _outcome(conversation.status, [*losses][:MAX_NOTES])
        if conversation.start_time is None:
            losses.add(f"Conversation {conversation.id} has no valid start: it is when it was stored, or now.")
        async with self._database.session() as session:
            await speakers.lock(session)
            values = _values(conversation, segments, sound, status) | {"error": error}
            id_ = await inserts.add_conversation(session, conversation, values, (*sound.notes, *notes))
            ids = await inserts.add_participants(session, id_, [voice.participant for voice in voices])
            lines = [(segment, voice_of.participant.label) for voice_of in voices for segment in voice_of.segments]
            lines.sort(key=lambda line: (line[0].start, line[0].id))
            segment_ids = await inserts.add_segments(session, id_, lines, ids)
            self._done.labels += await self._add_labels(session, segment_ids, labels, losses)
            await audit.record(session, "conversation.import", f"conversation:{id_}")

    async def _add_labels(self, session: AsyncSession, segment_ids: dict[int, int], labels: Children, losses: Losses) -> int:
        found = [rows.label(row, losses) for segment in segment_ids for row in labels.of(segment)]
        return await inserts.add_labels(session, [label for label in found if label is not None], segment_ids)


def _outcome(status: str, losses: Sequence[str]) -> tuple[str, str | None, tuple[Note, ...]]:
    """The status here, the reason of a failure, and notes."""
    notes = tuple(Note("left_out", loss) for loss in losses)
    match status:
        case "completed":
            return "completed", None, notes
        case "completed_with_errors":
            return "completed", None, (Note("left_out", WITH_ERRORS), *notes)
        case "failed":
            return "failed", FAILED, notes
    return "failed", UNFINISHED, notes


def _values(conversation: LegacyConversation, segments: Sequence[LegacySegment], sound: _Sound, status: str) -> dict[str, Any]:
    last = max((segment.end for segment in segments), default=0.0)
    return {
        "start_time": conversation.start_time or conversation.created_at or datetime.now(UTC),
        "end_time": conversation.end_time,
        "duration": sound.duration or conversation.duration or last,
        "status": status,
        "progress": 1.0 if status == "completed" else 0.0,
        "audio_key": sound.key,
        "audio_format": recording.SUFFIX.lstrip("."),
    } | ({} if conversation.created_at is None else {"created_at": conversation.created_at})
