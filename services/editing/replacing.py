"""Replace words in all segments of a conversation."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.transcript.replacement import Replacement
from pipeline.transcript.word_times import retime
from pipeline.types import Span
from storage.change_summary import ChangeSummary
from storage.editing import originals, segments
from storage.editing.segments import TimedText
from storage.editing.steps import TextsChanged, TextVersion

MAX_SEGMENTS = 2000
"""Of one change, which is stored as a whole."""
MORE = "{} more segment(s) have it: repeat the request for them."
EMPTIED = "{} segment(s) would have no text left and stay as they are: delete them instead."


@dataclass(frozen=True, slots=True)
class ReplacedText:
    id: int
    """Of the segment."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a replacement changes."""

    matches: int
    """Places in `segments`."""
    segments: Sequence[ReplacedText]
    """In order; at most `MAX_SEGMENTS`."""
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Replaced(Found):
    change: ChangeSummary | None
    """None where nothing changed, or was to be changed."""


async def find(session: AsyncSession, conversation_id: int, replacement: Replacement) -> Found:
    """What the replacement would change."""
    texts = await segments.all_texts(session, conversation_id)
    return await asyncio.to_thread(_find, texts, replacement)


def _find(texts: Mapping[int, str], replacement: Replacement) -> Found:
    changed = [(id_, text, *replacement.in_text(text)) for id_, text in texts.items()]
    found = [(ReplacedText(id_, text, after), count) for id_, text, after, count in changed if count and after != text]
    kept = [(each, count) for each, count in found if each.after]
    some = list(islice(kept, MAX_SEGMENTS))
    notes = [MORE.format(len(kept) - len(some))] if len(kept) > len(some) else []
    notes += [EMPTIED.format(len(found) - len(kept))] if len(found) > len(kept) else []
    return Found(sum(count for _, count in some), [each for each, _ in some], notes)


async def apply(session: AsyncSession, conversation_id: int, found: Found) -> TextsChanged:
    """Change the texts of the segments; returns the step for the history. The caller holds `segments.lock`."""
    now = datetime.now(UTC)
    ids = [each.id for each in found.segments]
    timed = await segments.timed_texts(session, conversation_id, ids)
    after = await asyncio.to_thread(lambda: {each.id: _version(each, timed[each.id], now) for each in found.segments})
    await originals.keep(session, ids)
    await segments.set_texts(session, after)
    return TextsChanged(before={id_: timed[id_].version for id_ in ids}, after=after)


def _version(replaced: ReplacedText, former: TimedText, now: datetime) -> TextVersion:
    words = retime(replaced.after, former.version.words or (), Span(former.start, former.end))
    return TextVersion(text=replaced.after, words=words, originals=former.version.originals or [replaced.id], edited_at=now)
