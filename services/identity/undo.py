"""Going back over the last change of who is who."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.identity import emotion_refresh
from services.identity.speaker_changes import ChangeStep
from services.policy import ReadPolicy
from storage.postgres.conditions import one_of
from storage.speakers import speakers
from storage.tables import EmotionProfile, IdentityChange, ParticipantRow, SegmentRow, Speaker, VoiceprintRow

LATEST = IdentityChange.id.desc()
SHOWN = 100


class UndoError(RuntimeError):
    """What was done cannot be undone any more; says why."""


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """`undone_at` is None for a change that holds."""

    id: int
    description: str
    created_at: datetime
    undone_at: datetime | None


async def history(session: AsyncSession) -> list[ChangeSummary]:
    """The latest changes, from the newest on."""
    columns = [getattr(IdentityChange, name) for name in ChangeSummary.__dataclass_fields__]
    return [ChangeSummary(*row) for row in await session.execute(select(*columns).order_by(LATEST).limit(SHOWN))]


async def undo(session: AsyncSession, read_policy: ReadPolicy) -> ChangeSummary:
    """Undo the last change that was not undone yet.

    What came since, such as recordings in which a merged speaker was recognised, stays with whom it was given to. Raises
    UndoError where there is nothing to undo, or where something later rests on the change; nothing is changed then.
    """
    await speakers.lock(session)
    last = select(IdentityChange).where(IdentityChange.undone_at.is_(None)).order_by(LATEST).limit(1)
    change = (await session.scalars(last)).one_or_none()
    if change is None:
        raise UndoError("There is no change of speakers left to undo.")
    steps: Sequence[ChangeStep] = change.before["steps"]
    undoing = _Undo(session)
    for step in reversed(steps):
        await undoing.back(step)
    if undoing.gone and not undoing.done:
        raise UndoError("The lines that it was about are gone: their conversations were deleted or processed again.")
    change.undone_at = func.now()
    await session.flush()
    await session.refresh(change)
    if undoing.learned or await emotion_refresh.learned(session, undoing.speakers, undoing.participants):
        await emotion_refresh.follow(session, await read_policy(session), undoing.speakers, undoing.participants)
    return ChangeSummary(change.id, change.description, change.created_at, change.undone_at)


class _Undo:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.speakers: set[int] = set()
        """Those who may have other lines now."""
        self.participants: set[int] = set()
        """Participants who have another speaker now, or other lines."""
        self.learned = False
        """Emotion profiles were put back."""
        self.done = self.gone = 0
        """Steps about lines that were undone, and that have nothing left to undo."""

    async def back(self, step: ChangeStep) -> None:
        await getattr(self, f"_{step['do']}")(step)

    async def _create(self, step: ChangeStep) -> None:
        who = step["speaker"]
        heard = exists().where(ParticipantRow.speaker_id == who)
        known = exists().where(VoiceprintRow.speaker_id == who)
        if await self.session.scalar(select(heard | known)):
            name = await speakers.name_of(self.session, who)
            raise UndoError(f"{name} has been heard elsewhere since: merge or delete the speaker instead.")
        await self.session.execute(delete(Speaker).where(Speaker.id == who))
        self.speakers.discard(who)

    async def _rename(self, step: ChangeStep) -> None:
        name = await self.session.scalar(select(Speaker.name).where(Speaker.id == step["speaker"]))
        if name != step["to"]:
            raise UndoError(f"{step['to']} has another name by now, or is gone.")
        await self._free(step["from"])
        await self.session.execute(update(Speaker).where(Speaker.id == step["speaker"]).values(name=step["from"]))
        self.speakers.add(step["speaker"])
        self.done += 1

    async def _give(self, step: ChangeStep) -> None:
        source, target = step["from"], step["to"]
        rows = select(ParticipantRow.id, ParticipantRow.speaker_id).where(one_of(ParticipantRow.id, step["participants"]))
        found = (await self.session.execute(rows)).all()
        if any(row.speaker_id != target for row in found):
            raise UndoError("Some of the voices have been given to somebody else since: correct them one by one.")
        await self._exists(source)
        ids = [row.id for row in found]
        await self.session.execute(update(ParticipantRow).where(one_of(ParticipantRow.id, ids)).values(speaker_id=source))
        self._touch(source, target)
        self.participants |= set(ids)
        self.done += bool(found)
        self.gone += not found

    async def _enroll(self, step: ChangeStep) -> None:
        which = one_of(ParticipantRow.id, step["participants"])
        await self.session.execute(update(ParticipantRow).where(which).values(enrolled=not step["to"]))

    async def _add_sample(self, step: ChangeStep) -> None:
        await self.session.execute(delete(VoiceprintRow).where(VoiceprintRow.id == step["voiceprint"]))

    async def _give_samples(self, step: ChangeStep) -> None:
        await self._exists(step["from"])
        mine = (one_of(VoiceprintRow.id, step["voiceprints"]), VoiceprintRow.speaker_id == step["to"])
        await self.session.execute(update(VoiceprintRow).where(*mine).values(speaker_id=step["from"]))
        self._touch(step["from"], step["to"])

    async def _profiles(self, step: ChangeStep) -> None:
        if await self.session.scalar(select(Speaker.id).where(Speaker.id == step["speaker"])) is None:
            return
        await self.session.execute(delete(EmotionProfile).where(EmotionProfile.speaker_id == step["speaker"]))
        await self._insert(EmotionProfile.__tablename__, step["rows"])
        self._touch(step["speaker"])
        self.learned = True

    async def _remove(self, step: ChangeStep) -> None:
        for speaker in step["speakers"]:
            await self._free(speaker["name"])
            self._touch(speaker["id"])
        await self._insert(Speaker.__tablename__, step["speakers"])
        for table, rows in step["rows"].items():
            await self._insert(table, rows)
        self.done += 1

    async def _add(self, step: ChangeStep) -> None:
        empty = ~exists().where(SegmentRow.participant_id == step["participant"])
        await self.session.execute(delete(ParticipantRow).where(ParticipantRow.id == step["participant"], empty))

    async def _move(self, step: ChangeStep) -> None:
        line = await self._line(step["segment"])
        if line is None:
            return
        if line.participant_id != step["to"]:
            raise UndoError("The line has been given to somebody else since: identify it instead.")
        await self._restore(step["rows"])
        await self.session.execute(update(SegmentRow).where(SegmentRow.id == line.id).values(participant_id=step["from"]))
        self.participants.add(step["from"])

    async def _confirm(self, step: ChangeStep) -> None:
        line = await self._line(step["segment"])
        if line is not None:
            await self._restore(step["rows"])
            values = {name: step[name] for name in ("confidence", "is_misidentified")}
            await self.session.execute(update(SegmentRow).where(SegmentRow.id == line.id).values(values))

    async def _line(self, segment_id: int) -> Any:
        columns = (SegmentRow.id, SegmentRow.participant_id)
        found = (await self.session.execute(select(*columns).where(SegmentRow.id == segment_id))).one_or_none()
        self.done += found is not None
        self.gone += found is None
        return found

    async def _restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Participants as they were; of those who are there the speaker stays."""
        for row in rows:
            await self._exists(row["speaker_id"])
            self._touch(row["speaker_id"])
        values = "vector = excluded.vector, model = excluded.model, speech = excluded.speech, enrolled = excluded.enrolled"
        await self._insert(ParticipantRow.__tablename__, rows, f"ON CONFLICT (id) DO UPDATE SET {values}")

    async def _insert(self, table: str, rows: Sequence[Mapping[str, Any]], conflict: str = "") -> None:
        statement = f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, :rows ::jsonb) {conflict}"
        await self.session.execute(text(statement), {"rows": json.dumps(list(rows))})

    async def _free(self, name: str) -> None:
        if await speakers.find(self.session, name) is not None:
            raise UndoError(f"There is another {name} by now: rename that speaker first.")

    async def _exists(self, speaker_id: int | None) -> None:
        if speaker_id is not None and await self.session.scalar(select(Speaker.id).where(Speaker.id == speaker_id)) is None:
            raise UndoError("Somebody who was part of it has been deleted since.")

    def _touch(self, *speaker_ids: int | None) -> None:
        self.speakers |= {speaker for speaker in speaker_ids if speaker is not None}
