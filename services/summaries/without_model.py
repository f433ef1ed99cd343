"""Titles and chapters of conversations where no language model is set up. There is no summary without one."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import is_unknown
from pipeline.summary import titles as title_rule
from pipeline.summary.chapters import chapters
from pipeline.summary.content import Chapter
from pipeline.summary.phrases import key_phrases
from pipeline.types import ConversationSegment, TextVectors
from storage.conversations import conversations, segments, titles
from storage.search import nearest

PHRASES = 3
"""Of the heading of a chapter."""
MIN_EMBEDDED = 0.5
"""Share of the segments that must have vectors: those of a new conversation are still computed."""
MAX_LINES = 20_000


async def write_title(session: AsyncSession, conversation_id: int) -> None:
    """Give the conversation a title of names and key phrases, unless a person gave it one, or it has too few segments."""
    found = await conversations.get(session, conversation_id)
    if found is None:
        return
    said = [(None if is_unknown(name := one.speaker_name or "") else name, one.text or "") for one in found.segments]
    if (title := title_rule.title(said, found.start_time)) is not None:
        await titles.write(session, conversation_id, title)


async def find_chapters(session: AsyncSession, conversation_id: int) -> list[Chapter]:
    """Chapters by the vectors of the segments, under their key phrases; none where there is one subject, or too few vectors."""
    if await segments.count(session, conversation_id) > MAX_LINES:
        return []
    lines = await segments.page(session, conversation_id, 0, MAX_LINES, words=False)
    found = await nearest.vectors_of(session, [line.id for line in lines])
    return await asyncio.to_thread(_chapters, lines, found)


def _chapters(lines: Sequence[ConversationSegment], found: dict[int, TextVectors]) -> list[Chapter]:
    models = Counter(one.model for one in found.values())
    if not models:
        return []
    ((model, number),) = models.most_common(1)
    if number < MIN_EMBEDDED * len(lines):
        return []
    dimension = next(one.vectors.shape[1] for one in found.values() if one.model == model)
    vectors = np.zeros((len(lines), dimension), np.float32)
    for row, line in zip(vectors, lines, strict=True):
        if (one := found.get(line.id)) is not None and one.model == model:
            row[:] = one.vectors[0]
    begun = chapters(vectors)
    if len(begun) < 2:
        return []
    parts = [lines[first:end] for first, end in zip(begun, [*begun[1:], len(lines)], strict=True)]
    phrases = key_phrases([[line.text or "" for line in part] for part in parts], PHRASES)
    return [Chapter(title=" · ".join(said) or "…", segment=part[0].id) for part, said in zip(parts, phrases, strict=True)]
