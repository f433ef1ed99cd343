"""Import a profile file that a client sends. Nothing is stored that was not validated."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats import profile_reader
from pipeline.formats.profile_file import (
    HEADER_KEYS,
    LARGEST,
    VERSION,
    VOICE_MODEL,
    Entry,
    Header,
    Participant,
    Segment,
    Speaker,
    render,
    upgraded,
    wrong_length,
)
from pipeline.formats.profile_reader import NotAProfileError, NotJsonError
from pipeline.names import spelling
from storage.backups import backups
from storage.backups.backups import BackupSummary, by_filename, profile_filename
from storage.backups.snapshots import Snapshot
from storage.speakers import speakers

E = TypeVar("E", bound=Entry)


async def import_file(session: AsyncSession, data: bytes) -> BackupSummary:
    """Store a file as a profile, under a name that is free, in the current format, whichever version wrote it.

    Raises NotJsonError, NotAProfileError.
    """
    entries = _Entries()
    header = await asyncio.to_thread(entries.read, data)
    await speakers.lock(session)
    name = await _free_name(session, header.name)
    current = header.model_copy(update={"name": name, "version": VERSION, "type": "profile"})
    content = await asyncio.to_thread(render, current, entries.speakers, entries.participants, entries.segments)
    snapshot = Snapshot(content, len(entries.speakers), len(entries.segments), _taken_at(header.timestamp))
    return await backups.add(session, name, header.description, snapshot)


@dataclass(slots=True)
class _Entries:
    """The validated entries of a file, as JSON."""

    speakers: list[str] = field(default_factory=list)
    participants: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    _speaker_keys: set[int | str] = field(default_factory=set)
    _participant_ids: set[int] = field(default_factory=set)
    _participant_labels: set[tuple[UUID, str]] = field(default_factory=set)

    def read(self, data: bytes) -> Header:
        """Read a whole file; returns its header. Blocks, for some seconds if the file is large."""
        values: dict[str, Any] = {}
        for key, value in profile_reader.read(_text(data)):
            match key:
                case "speakers":
                    self._add_speaker(value)
                case "participants":
                    self._add_participant(value)
                case "segments":
                    self.segments.append(_validated(Segment, value, f"segments.{len(self.segments)}.").model_dump_json())
                case _ if key in HEADER_KEYS:
                    values[key] = value
        header = _validated(Header, values)
        if header.version == VERSION:
            return header
        self.speakers = [upgraded(Speaker.model_validate_json(speaker)).model_dump_json() for speaker in self.speakers]
        return header.model_copy(update={"embedding_model": VOICE_MODEL})

    def _add_speaker(self, value: Any) -> None:
        place = f"speakers.{len(self.speakers)}."
        speaker, given = _validated(Speaker, value, place), value["name"]
        if not spelling(given):
            raise NotAProfileError(f"{place}name: it has no visible character")
        # A restore numbers other spellings of one name.
        if not self._speaker_keys.isdisjoint((speaker.id, given)):
            raise NotAProfileError(f"speakers: two have the name {speaker.name!r} or the id {speaker.id}")
        if fault := wrong_length(speaker):
            raise NotAProfileError(f"speakers.{len(self.speakers)}.{fault}")
        self._speaker_keys |= {speaker.id, given}
        self.speakers.append(speaker.model_dump_json())

    def _add_participant(self, value: Any) -> None:
        participant = _validated(Participant, value, f"participants.{len(self.participants)}.")
        if participant.id in self._participant_ids:
            raise NotAProfileError(f"participants: two have the id {participant.id}")
        if (label := (participant.conversation_uuid, participant.label)) in self._participant_labels:
            raise NotAProfileError(f"participants: two of one conversation have the label {participant.label!r}")
        self._participant_ids.add(participant.id)
        self._participant_labels.add(label)
        self.participants.append(participant.model_dump_json())


def _text(data: bytes) -> str:
    if len(data) > LARGEST:
        raise NotAProfileError(f"it is larger than {LARGEST >> 20} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJsonError("the file is not UTF-8") from error
    if "\0" in text:
        raise NotJsonError("the file holds a NUL character")
    profile_reader.check_characters(text)
    return text


def _validated(kind: type[E], value: Any, place: str = "") -> E:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise NotAProfileError(f"{place}{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


async def _free_name(session: AsyncSession, name: str) -> str:
    """The name, or the name with the first number that no profile has: an import replaces no profile."""
    try:
        free, number = name, 1
        while await by_filename(session, profile_filename(free)) is not None:
            number += 1
            free = f"{name[:240]} ({number})"
    except ValueError as error:
        raise NotAProfileError(str(error)) from error
    return free


def _taken_at(timestamp: str) -> datetime:
    with suppress(ValueError):
        return datetime.strptime(timestamp[:15], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    return datetime.now(UTC)
