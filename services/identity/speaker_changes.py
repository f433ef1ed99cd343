"""Changes of who is who, each written down with what it takes to undo it.

An `SpeakerChange` makes the changes of one act of a user, step by step; `save` keeps the steps, and
`services.identity.undo` goes
back over them.
Rows that disappear are kept as PostgreSQL's own JSON, which holds a vector's every bit.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Voiceprint
from storage.postgres.conditions import one_of
from storage.speakers import participants, speakers
from storage.tables import EmotionProfile, IdentityChange, ParticipantRow, SegmentRow, Speaker, TurnRow, VoiceprintRow

ChangeStep = dict[str, Any]

HISTORY = 1000
"""Changes that can be undone. Those that were undone stay: the program must not make them again by itself."""


async def rows(session: AsyncSession, table: str, column: str, values: Sequence[int]) -> list[dict[str, Any]]:
    """The rows with one of the values, as JSON that `jsonb_populate_recordset` takes."""
    statement = text(f"SELECT to_jsonb(t) FROM {table} t WHERE {column} = ANY(:values) ORDER BY id")
    return list(await session.scalars(statement, {"values": list(values)}))


class SpeakerChange:
    """One act of a user. Whoever makes one holds `speakers.lock`."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.steps: list[ChangeStep] = []
        self.participants: set[int] = set()
        """Those whose lines changed, so that their vectors must be made anew."""
        self.merged: list[tuple[int, int]] = []
        """Speakers who became one: who is gone, and whom they became."""
        self.notes: list[str] = []
        """The same in words."""

    async def save(self, description: str = "") -> None:
        """Keep the steps under `description` and `notes`, and forget the oldest changes. Nothing changed, nothing kept."""
        if not self.steps:
            return
        told = "; ".join(([description] if description else []) + self.notes)
        values = {"description": told, "before": {"steps": self.steps, "merged": self.merged}}
        saved = (await self.session.execute(insert(IdentityChange).values(values).returning(IdentityChange.id))).scalar_one()
        old = (IdentityChange.id <= saved - HISTORY, IdentityChange.undone_at.is_(None))
        await self.session.execute(delete(IdentityChange).where(*old))

    async def create_speaker(self, name: str) -> int:
        speaker_id = (await self.session.execute(insert(Speaker).values(name=name).returning(Speaker.id))).scalar_one()
        self.steps.append({"do": "create", "speaker": speaker_id})
        return speaker_id

    async def rename(self, speaker_id: int, name: str) -> None:
        """Raises SpeakerNotFoundError, NameTakenError."""
        former = await speakers.name_of(self.session, speaker_id)
        if former == name:
            return
        if await speakers.find(self.session, name) is not None:
            raise speakers.NameTakenError(name)
        await self.session.execute(update(Speaker).where(Speaker.id == speaker_id).values(name=name))
        self.steps.append({"do": "rename", "speaker": speaker_id, "from": former, "to": name})

    async def give(self, source: int | None, target: int | None, ids: Sequence[int] | None = None) -> Sequence[int]:
        """Participants of one speaker become another's, all of them or those of `ids`; returns them."""
        which = [ParticipantRow.speaker_id == source if source is not None else ParticipantRow.speaker_id.is_(None)]
        which += [one_of(ParticipantRow.id, ids)] if ids is not None else []
        change = update(ParticipantRow).where(*which).values(speaker_id=target).returning(ParticipantRow.id)
        moved = (await self.session.scalars(change)).all()
        if moved:
            self.steps.append({"do": "give", "participants": list(moved), "from": source, "to": target})
        return moved

    async def enroll(self, ids: Sequence[int], enrolled: bool) -> None:
        """Make the participants references of their speakers, or none."""
        changing = update(ParticipantRow).where(one_of(ParticipantRow.id, ids), ParticipantRow.enrolled != enrolled)
        changed = (await self.session.scalars(changing.values(enrolled=enrolled).returning(ParticipantRow.id))).all()
        if changed:
            self.steps.append({"do": "enroll", "participants": list(changed), "to": enrolled})

    async def add_sample(self, speaker_id: int, voice: Voiceprint, source: str) -> None:
        values = {"speaker_id": speaker_id, "vector": voice.vector, "model": voice.model, "source": source}
        added = (await self.session.execute(insert(VoiceprintRow).values(values).returning(VoiceprintRow.id))).scalar_one()
        self.steps.append({"do": "add_sample", "voiceprint": added})

    async def give_samples(self, source: int, target: int) -> None:
        """The enrolled and imported samples of one speaker become another's."""
        change = update(VoiceprintRow).where(VoiceprintRow.speaker_id == source).values(speaker_id=target)
        moved = (await self.session.scalars(change.returning(VoiceprintRow.id))).all()
        if moved:
            self.steps.append({"do": "give_samples", "voiceprints": list(moved), "from": source, "to": target})

    async def note_profiles(self, speaker_id: int) -> None:
        """To be called before the emotion profiles of a speaker change hands."""
        found = await rows(self.session, EmotionProfile.__tablename__, "speaker_id", [speaker_id])
        self.steps.append({"do": "profiles", "speaker": speaker_id, "rows": found})

    async def remove(self, speaker_ids: Sequence[int]) -> Sequence[int]:
        """Delete speakers with samples and profiles; returns the participants who were still theirs, and are nobody's now."""
        mine = one_of(ParticipantRow.speaker_id, speaker_ids)
        theirs = select(ParticipantRow.speaker_id, func.array_agg(ParticipantRow.id)).where(mine)
        orphans: list[int] = []
        for speaker_id, ids in (await self.session.execute(theirs.group_by(ParticipantRow.speaker_id))).all():
            self.steps.append({"do": "give", "participants": ids, "from": speaker_id, "to": None})
            orphans += ids
        await self.session.execute(update(ParticipantRow).where(mine).values(speaker_id=None))
        tables = (VoiceprintRow.__tablename__, EmotionProfile.__tablename__)
        kept = {table: await rows(self.session, table, "speaker_id", speaker_ids) for table in tables}
        people = await rows(self.session, Speaker.__tablename__, "id", speaker_ids)
        await self.session.execute(delete(Speaker).where(one_of(Speaker.id, speaker_ids)))
        self.steps.append({"do": "remove", "speakers": people, "rows": kept})
        return orphans

    async def move(self, segment_id: int, target: int) -> None:
        """A line goes to another participant of its conversation; the one it leaves is deleted where no diarizer heard it."""
        columns = (SegmentRow.participant_id, SegmentRow.end_offset - SegmentRow.start_offset)
        source, length = (await self.session.execute(select(*columns).where(SegmentRow.id == segment_id))).one()
        step: ChangeStep = {"do": "move", "segment": segment_id, "from": source, "to": target}
        self.steps.append(step | {"rows": [await self._participant(source), await self._participant(target)]})
        await self.session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(participant_id=target))
        for participant, more in ((source, -length), (target, length)):
            speech = func.greatest(ParticipantRow.speech + more, 0.0)
            await self.session.execute(update(ParticipantRow).where(ParticipantRow.id == participant).values(speech=speech))
        self.participants |= {source, target}
        if not await self._is_heard(source):
            await self.session.execute(delete(ParticipantRow).where(ParticipantRow.id == source))
            self.participants.discard(source)

    async def add_participant(self, conversation_id: int, speaker_id: int | None, *, enrolled: bool) -> int:
        added = await participants.add(self.session, conversation_id, speaker_id, enrolled=enrolled)
        self.steps.append({"do": "add", "participant": added})
        return added

    async def confirm(self, segment_id: int) -> None:
        """A person said whose line this is."""
        columns = (SegmentRow.confidence, SegmentRow.is_misidentified, SegmentRow.participant_id)
        former = (await self.session.execute(select(*columns).where(SegmentRow.id == segment_id))).one()
        values = {"confidence": 1.0, "is_misidentified": False}
        await self.session.execute(update(SegmentRow).where(SegmentRow.id == segment_id).values(values))
        step: ChangeStep = {"do": "confirm", "segment": segment_id, "confidence": former.confidence, "rows": []}
        if former.is_misidentified:
            step["rows"].append(await self._participant(former.participant_id))
            self.participants.add(former.participant_id)
        self.steps.append(step | {"is_misidentified": former.is_misidentified})

    async def recompute(self) -> None:
        """Make the vectors of the participants anew whose lines changed."""
        await participants.recompute(self.session, sorted(self.participants))

    async def _participant(self, participant_id: int) -> dict[str, Any]:
        (row,) = await rows(self.session, ParticipantRow.__tablename__, "id", [participant_id])
        return row

    async def _is_heard(self, participant: int) -> bool:
        heard = [select(table.id).where(table.participant_id == participant).exists() for table in (SegmentRow, TurnRow)]
        return bool(await self.session.scalar(select(heard[0] | heard[1])))
