"""The values that the planners of `pipeline.identity` decide from. The caller holds `storage.speakers.speakers.lock`."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import REASSIGN_MARGIN, Neighbours
from pipeline.identity.segment_reassignment import DisputedSegment
from pipeline.identity.transcripts import NearbySpeakers
from pipeline.types import Participant, Voiceprint
from storage.speakers import references, speakers

BATCH = 250
"""Segments compared with all references in one product, which bounds its memory."""


async def near_transcript(
    session: AsyncSession, participants: Sequence[Participant], disputed: Mapping[int, DisputedSegment], threshold: float
) -> NearbySpeakers:
    """The known speakers near the voices of a transcript, all of which one embedding model made."""
    voices = {person.label: person.voiceprint for person in participants if person.voiceprint is not None}
    near_participants = dict(zip(voices, await near_voices(session, list(voices.values()), threshold), strict=True))
    near_segments: dict[int, Neighbours] = {}
    for start in range(0, len(disputed), BATCH):
        positions = list(disputed)[start : start + BATCH]
        heard = [disputed[position].voice for position in positions]
        found = await near_voices(session, heard, threshold - REASSIGN_MARGIN)
        near_segments.update(zip(positions, found, strict=True))
    near_any = {speaker for near in near_segments.values() for speaker in near}
    named = {speaker for speaker, by_person in (await speakers.named(session, near_any)).items() if by_person}
    return NearbySpeakers(near_participants, near_segments, named)


async def near_voices(session: AsyncSession, voices: Sequence[Voiceprint], floor: float) -> Sequence[Neighbours]:
    """The speakers closer than `floor` to each of the voices, all of which one embedding model made."""
    if not voices:
        return []
    return await references.neighbours(session, np.stack([voice.vector for voice in voices]), voices[0].model, floor)
