"""Read references with their conversations, to measure how well embeddings distinguish speakers."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.evaluation.tuning import Gallery
from pipeline.types import Vector
from storage.tables import ParticipantRow, Speaker, VoiceprintRow, VoiceRow

BATCH = 2000
"""Vectors read at a time; the event loop runs other tasks in between."""


async def roster(session: AsyncSession, model: str, dimension: int) -> Gallery:
    """Every reference of `dimension` numbers that `model` computed, under its speaker's name, with its conversation.

    The voices of emotion profiles are left out: they are computed from segments of all conversations.
    """
    heard = (
        select(Speaker.name, ParticipantRow.vector, ParticipantRow.conversation_id)
        .join(VoiceRow, VoiceRow.speaker_id == Speaker.id)
        .join(ParticipantRow, ParticipantRow.voice_id == VoiceRow.id)
    )
    enrolled = select(Speaker.name, VoiceprintRow.vector).join(VoiceprintRow)
    vectors: list[Vector] = []
    names: list[str] = []
    conversations: list[int] = []
    for query in (
        heard.where(
            ParticipantRow.model == model, ParticipantRow.enrolled, func.vector_dims(ParticipantRow.vector) == dimension
        ),
        enrolled.where(VoiceprintRow.model == model, func.vector_dims(VoiceprintRow.vector) == dimension),
    ):
        async for batch in (await session.stream(query)).partitions(BATCH):
            for name, vector, *conversation in batch:
                names.append(name)
                vectors.append(vector)
                conversations.append(conversation[0] if conversation else 0)
    stacked = np.stack(vectors) if vectors else np.zeros((0, dimension), np.float32)
    return Gallery(stacked, names, np.array(conversations, np.int64))


async def of_participants(session: AsyncSession, ids: Sequence[int], model: str) -> Mapping[int, Vector]:
    """The vectors of the participants that have one by `model`."""
    query = select(ParticipantRow.id, ParticipantRow.vector).where(ParticipantRow.model == model)
    found: dict[int, Vector] = {}
    for start in range(0, len(ids), BATCH):
        rows = await session.execute(query.where(ParticipantRow.id.in_(ids[start : start + BATCH])))
        found |= {id_: vector for id_, vector in rows if vector is not None}
    return found
