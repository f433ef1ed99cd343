"""Taking in a profile file that somebody sends. Nothing in it is believed, and nothing is kept that was not looked at."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import (
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
)
from storage.backups import backups
from storage.backups.backups import BackupSummary, by_filename, profile_filename
from storage.backups.snapshots import Snapshot
from storage.speakers import speakers

BATCH = 100
"""Entries looked at in one go, some milliseconds' work."""

E = TypeVar("E", bound=Entry)


class NotJsonError(ValueError):
    """It is no JSON."""


class NotAProfileError(ValueError):
    """It is JSON, but no profile; says where and why."""


async def import_file(session: AsyncSession, data: bytes) -> BackupSummary:
    """Keep a file as a profile, under a name that is free, in today's format, whichever version wrote it.

    PostgreSQL parses it, so that a large one neither fills this process nor stops it. Raises NotJsonError, NotAProfileError.
    """
    content = _decode(data)
    header = await _header(session, content)
    legacy = header.version < VERSION
    people, ids, names = [], set(), set()
    async for speaker in _entries(session, content, "speakers", Speaker):
        if speaker.id in ids or speaker.name in names:
            raise NotAProfileError(f"speakers: two have the name {speaker.name!r} or the id {speaker.id}")
        ids.add(speaker.id)
        names.add(speaker.name)
        people.append((upgraded(speaker) if legacy else speaker).model_dump_json())
    voices, voice_ids = [], set()
    async for voice in _entries(session, content, "participants", Participant):
        if voice.id in voice_ids:
            raise NotAProfileError(f"participants: two have the id {voice.id}")
        voice_ids.add(voice.id)
        voices.append(voice.model_dump_json())
    lines = [line.model_dump_json() async for line in _entries(session, content, "segments", Segment)]
    await speakers.lock(session)
    name = await _free_name(session, header.name)
    head = header.model_copy(
        update={
            "name": name,
            "version": VERSION,
            "type": "profile",
            "embedding_model": VOICE_MODEL if legacy else header.embedding_model,
        }
    )
    snapshot = Snapshot(render(head, people, voices, lines), len(people), len(lines), _taken_at(header.timestamp))
    return await backups.add(session, name, header.description, snapshot)


def _decode(data: bytes) -> str:
    if len(data) > LARGEST:
        raise NotAProfileError(f"it is larger than {LARGEST >> 20} MB")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJsonError("the file is not UTF-8") from error
    if "\0" in content:
        raise NotJsonError("the file holds a NUL character")
    return content


async def _header(session: AsyncSession, content: str) -> Header:
    statement = text("""
        SELECT CASE WHEN json_typeof(file) = 'object' AND json_typeof(file -> 'speakers') = 'array'
            AND coalesce(json_typeof(file -> 'participants'), 'array') = 'array'
            AND coalesce(json_typeof(file -> 'segments'), 'array') = 'array' THEN (
            SELECT json_object_agg(key, value)::text FROM json_each(file)
            WHERE key NOT IN ('speakers', 'participants', 'segments')
        ) END FROM CAST(:content AS json) AS file
    """)
    try:
        async with session.begin_nested():
            found = await session.scalar(statement, {"content": content})
    except DBAPIError as error:
        raise NotJsonError("it is not JSON, or has characters that cannot be kept") from error
    if found is None:
        raise NotAProfileError("it is no object with arrays of speakers and segments")
    try:
        return Header.model_validate(json.loads(found))
    except ValidationError as error:
        raise NotAProfileError(_reason(error)) from error


async def _entries(session: AsyncSession, content: str, key: str, kind: type[E]) -> AsyncIterator[E]:
    statement = text("SELECT value::text FROM json_array_elements(CAST(:content AS json) -> :key)")
    values = {"content": content, "key": key}
    found = await session.stream_scalars(statement, values, execution_options={"yield_per": BATCH})
    number = 0
    async for entry in found:
        try:
            yield kind.model_validate_json(entry)
        except ValidationError as error:
            raise NotAProfileError(f"{key}.{number}.{_reason(error)}") from error
        number += 1


async def _free_name(session: AsyncSession, name: str) -> str:
    """A profile is never replaced by a file that happens to bear its name."""
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


def _reason(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
