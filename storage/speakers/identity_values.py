"""The values that the planners of `pipeline.identity` decide from. The caller holds `storage.speakers.speakers.lock`."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import (
    NEXT_SIMILARITY,
    REASSIGN_MARGIN,
    Neighbours,
    examined,
    is_unknown,
    without_doubtful,
    without_shadows,
)
from pipeline.identity.plan import CONFIRMED
from pipeline.identity.segment_reassignment import DisputedSegment
from pipeline.identity.state import ParticipantState
from pipeline.identity.transcripts import NearbySpeakers
from pipeline.types import Participant, Voiceprint
from storage.speakers import references, speakers, unknown_speakers
from storage.tables import ParticipantRow, SegmentRow, Speaker, TurnRow

BATCH = 250
"""Segments compared with all references in one product, which bounds its memory."""


async def near_transcript(
    session: AsyncSession, participants: Sequence[Participant], disputed: Mapping[int, DisputedSegment], threshold: float
) -> NearbySpeakers:
    """The known speakers near the voices of a transcript, all of which one embedding model made."""
    heard = {p.label: (p.voiceprint, p.speech_seconds) for p in participants if p.voiceprint is not None}
    near_participants = dict(zip(heard, await near_speakers(session, list(heard.values()), threshold), strict=True))
    near_segments: dict[int, Neighbours] = {}
    for start in range(0, len(disputed), BATCH):
        positions = list(disputed)[start : start + BATCH]
        voices = [disputed[position].voice for position in positions]
        found = await near_voices(session, voices, threshold - REASSIGN_MARGIN)
        near_segments.update(zip(positions, found, strict=True))
    return NearbySpeakers(near_participants, near_segments, await _named(session, near_segments.values()))


async def near_voices(
    session: AsyncSession, voices: Sequence[Voiceprint], floor: float, seconds: Sequence[float | None] | None = None
) -> Sequence[Neighbours]:
    """The speakers closer than `floor` to each of the voices, all of which one embedding model made.

    `seconds`: of speech of each, where that is known.
    """
    if not voices:
        return []
    vectors = np.stack([voice.vector for voice in voices])
    return await references.neighbours(session, vectors, voices[0].model, floor, seconds)


async def near_speakers(
    session: AsyncSession, voices: Sequence[tuple[Voiceprint, float]], threshold: float
) -> Sequence[Neighbours]:
    """The speakers closer than `threshold` that each of the voices may be: all but doubtful ones and shadows of named ones.

    Each voice comes with its seconds of speech: a voice of little speech has lower similarities to everybody.
    """
    floor = min(threshold, NEXT_SIMILARITY)
    compared = await near_voices(session, [voice for voice, _ in voices], floor, [seconds for _, seconds in voices])
    near_ones = [examined(near, threshold) for near in compared]
    named = await _named(session, near_ones)
    found = [without_doubtful(near, named, threshold) for near in near_ones]
    disputed = {speaker for near in found if named & near.keys() and near.keys() - named for speaker in near}
    apart = await unknown_speakers.kept_apart(session, disputed) if disputed else set()
    return [without_shadows(near, named, apart, threshold) for near in found]


async def _named(session: AsyncSession, near: Iterable[Neighbours]) -> set[int]:
    """Those of the speakers near some voices that a person has named."""
    found = {speaker for speakers_ in near for speaker in speakers_}
    return {speaker for speaker, by_person in (await speakers.named(session, found)).items() if by_person}


async def participants(session: AsyncSession, conversation_id: int) -> list[ParticipantState]:
    """The participants of a conversation, in the order in which they were added."""
    segments = (
        select(
            SegmentRow.participant_id,
            func.count().label("number"),
            func.max(SegmentRow.position).label("last"),
            func.bool_or(SegmentRow.confidence == CONFIRMED).label("confirmed"),
        )
        .where(SegmentRow.conversation_id == conversation_id)
        .group_by(SegmentRow.participant_id)
        .subquery()
    )
    row = ParticipantRow
    found = (
        select(
            *(row.id, row.label, row.speaker_id, row.vector, row.model, row.confidence, row.enrolled, row.speech_seconds),
            exists().where(TurnRow.participant_id == row.id).label("has_turns"),
            *(Speaker.name, segments.c.confirmed, segments.c.number, segments.c.last),
        )
        .select_from(row)
        .outerjoin(Speaker, row.speaker_id == Speaker.id)
        .outerjoin(segments, segments.c.participant_id == row.id)
        .where(row.conversation_id == conversation_id)
        .order_by(row.id)
    )
    return [
        ParticipantState(
            key=person.id,
            label=person.label,
            speaker=person.speaker_id,
            voiceprint=None if person.vector is None else Voiceprint(person.vector, person.model),
            similarity=person.confidence,
            enrolled=person.enrolled,
            speech_seconds=person.speech_seconds,
            has_turns=person.has_turns,
            is_named=person.name is not None and not is_unknown(person.name),
            has_confirmed_segment=bool(person.confirmed),
            num_segments=person.number or 0,
            last_position=-1 if person.last is None else int(person.last),
        )
        for person in await session.execute(found)
    ]
