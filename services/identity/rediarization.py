"""Whose lines are whose, once the diarizer has heard all of a live conversation: better than line by line.

The lines stay, with their ids and whatever was said of them by hand; only their participants change. Those of a participant
who was identified by hand, and single lines that were, stay where they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.transcript.participants import speech
from pipeline.types import Turn, Voiceprint, Word
from services.identity import emotion_refresh, reprocessing
from storage.conversations import conversations, segments
from storage.conversations.segments import SegmentLine
from storage.emotions import emotions
from storage.postgres.conditions import one_of
from storage.speakers import participants, speakers
from storage.tables import ParticipantRow, SegmentRow, TurnRow

BATCH = 500
"""Rows written in one statement."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    lines: tuple[SegmentLine, ...]
    """Those that have another speaker than before, or another name."""
    num_speakers: int


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    participant_id: int
    length: float
    confirmed: bool


async def words(session: AsyncSession, conversation_id: int) -> dict[int, list[Word]]:
    """The words of each line."""
    found = select(SegmentRow.id, SegmentRow.words).where(SegmentRow.conversation_id == conversation_id)
    return {
        id_: [Word(word["word"], word["start"], word["end"], word["probability"]) for word in said or ()]
        for id_, said in await session.execute(found)
    }


async def regroup(
    session: AsyncSession,
    conversation_id: int,
    speaker_of: Mapping[int, str],
    turns: Sequence[Turn],
    voices: Mapping[str, Voiceprint | None],
    policy: IdentityPolicy,
) -> Regrouped:
    """Give lines to participants as the diarizer tells, and match those with the known speakers again.

    Args:
        speaker_of: The diarizer's label for the lines that it heard, by their ids.
        turns: Its turns, overlaps included.
        voices: What each label sounds like.

    Raises LookupError where the conversation is gone, ConversationBusy where somebody works on it.
    """
    await speakers.lock(session)
    await conversations.idle(session, conversation_id)
    found = await conversations.summary(session, conversation_id)
    assert found is not None
    before = {line.id: line for line in await segments.of_conversation(session, conversation_id, found.start_time)}
    people = {person.id: person for person in await reprocessing._people(session, conversation_id)}
    told = {id_ for id_, person in people.items() if person.told}
    lines = await _lines(session, conversation_id)
    place = _places(lines, speaker_of, told)
    for label in sorted(set(speaker_of.values()) - place.keys()):
        place[label] = await participants.add(session, conversation_id, None, enrolled=True)
    changed = await _move(session, lines, speaker_of, place, told)
    for label, who in place.items():
        voice = voices.get(label)
        values: dict[str, object] = {"speech": speech(turns, label)}
        if who not in told and voice is not None:
            values |= {"vector": voice.vector, "model": voice.model}
            changed.discard(who)
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == who).values(values))
    await participants.recompute(session, sorted(changed))
    await _replace_turns(session, conversation_id, turns, place)
    silent = await _remove_silent(session, conversation_id)
    for speaker in sorted(await emotion_refresh.those_profiled(session, silent)):
        await emotions.recompute(session, speaker)
    await speakers.delete_orphaned(session, silent)
    await reprocessing.rematch(session, conversation_id, policy)
    after = await segments.of_conversation(session, conversation_id, found.start_time)
    return Regrouped(
        tuple(line for line in after if _identity(line) != _identity(before[line.id])),
        len({line.speaker_id or -line.participant_id for line in after}),
    )


def _identity(line: SegmentLine) -> tuple[int | None, str]:
    return line.speaker_id, line.speaker_name


def _places(lines: Sequence[_Line], speaker_of: Mapping[int, str], told: set[int]) -> dict[str, int]:
    """Which participant stands for a label: those told by hand first, then whoever shares most with it. One for one."""
    shared: dict[tuple[str, int], float] = {}
    for line in lines:
        if line.id in speaker_of:
            pair = speaker_of[line.id], line.participant_id
            shared[pair] = shared.get(pair, 0.0) + line.length
    places: dict[str, int] = {}
    for label, who in sorted(shared, key=lambda pair: (pair[1] not in told, -shared[pair], pair)):
        if label not in places and who not in places.values():
            places[label] = who
    return places


async def _lines(session: AsyncSession, conversation_id: int) -> list[_Line]:
    columns = (SegmentRow.id, SegmentRow.participant_id, SegmentRow.end_offset - SegmentRow.start_offset, SegmentRow.confidence)
    rows = await session.execute(select(*columns).where(SegmentRow.conversation_id == conversation_id))
    return [_Line(id_, who, length, confidence == reprocessing.CONFIRMED) for id_, who, length, confidence in rows]


async def _move(
    session: AsyncSession, lines: Sequence[_Line], speaker_of: Mapping[int, str], place: Mapping[str, int], told: set[int]
) -> set[int]:
    """Returns the participants whose lines changed."""
    going: dict[int, list[int]] = {}
    changed: set[int] = set()
    for line in lines:
        target = place[speaker_of[line.id]] if line.id in speaker_of else line.participant_id
        if target != line.participant_id and not line.confirmed and line.participant_id not in told:
            going.setdefault(target, []).append(line.id)
            changed |= {target, line.participant_id}
    for target, ids in going.items():
        values = {"participant_id": target, "confidence": None}
        await session.execute(update(SegmentRow).where(one_of(SegmentRow.id, ids)).values(values))
    return changed


async def _replace_turns(session: AsyncSession, conversation_id: int, turns: Sequence[Turn], place: Mapping[str, int]) -> None:
    await session.execute(delete(TurnRow).where(one_of(TurnRow.participant_id, list(place.values()))))
    rows = [
        {"conversation_id": conversation_id, "participant_id": place[turn.speaker], "start": turn.start, "end": turn.end}
        for turn in turns
        if turn.speaker in place
    ]
    for start in range(0, len(rows), BATCH):
        await session.execute(insert(TurnRow), rows[start : start + BATCH])


async def _remove_silent(session: AsyncSession, conversation_id: int) -> set[int]:
    """Delete participants who say nothing any more; returns the speakers they were."""
    speaking = select(SegmentRow.id).where(SegmentRow.participant_id == ParticipantRow.id).exists()
    silent = delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id, ~speaking)
    gone = await session.scalars(silent.returning(ParticipantRow.speaker_id))
    return {speaker for speaker in gone if speaker is not None}
