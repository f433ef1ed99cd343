"""Scores of transcripts: names, turns and words against labels and references."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engines.diarization_errors import diarization_errors
from pipeline.evaluation import scoring
from pipeline.evaluation.error_rates import DiarizationErrors, word_errors
from pipeline.evaluation.scoring import Accuracy, ScoredSegment
from pipeline.identity.matching import MIN_COMPARED_S, is_unknown
from pipeline.names import key
from pipeline.types import Span, Turn
from services.access.actor import actor
from services.access.visibility import check_conversations
from storage.conversations import conversations, labels, segments
from storage.conversations.labels import LabelledSegment
from storage.postgres.database import Database
from storage.speakers import speakers

MAX_LABELS = 50_000
"""Labelled segments that are read: more than a person labels in weeks."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to measure."""

    conversation_ids: Sequence[int] | None
    """None for all that have labels."""
    texts: Mapping[int, str]
    """Reference text by conversation."""
    turns: Mapping[int, Sequence[Turn]]
    """Reference turns by conversation; they replace the labels in the diarization error rate."""
    collar: float
    """Seconds on either side of a boundary of `turns` that are not scored."""


@dataclass(frozen=True, slots=True)
class WordErrors:
    errors: int
    words: int
    """Words of the reference."""

    @property
    def rate(self) -> float | None:
        return self.errors / self.words if self.words else None


@dataclass(frozen=True, slots=True)
class ConversationScore:
    id: int
    title: str | None
    every: Accuracy
    long: Accuracy
    """Accuracy over segments of at least `MIN_COMPARED_S` seconds."""
    diarization: DiarizationErrors | None
    words: WordErrors | None


async def score(database: Database, question: Question) -> list[ConversationScore]:
    """One score for each conversation with labels or a reference.

    Raises LookupError where a conversation of the question does not exist.
    """
    asked = {*question.texts, *question.turns, *(question.conversation_ids or ())}
    await check_conversations(database, asked)
    async with database.session() as session:
        found = await labels.labelled_segments(session, actor().principal, question.conversation_ids, MAX_LABELS)
        known = frozenset(key(name) for name in await speakers.names(session) if not is_unknown(name))
    labelled: defaultdict[int, list[LabelledSegment]] = defaultdict(list)
    for segment in found:
        labelled[segment.conversation_id].append(segment)
    ids = {*labelled, *asked}
    return [await _score(database, id_, labelled[id_], question, known) for id_ in sorted(ids)]


async def _score(
    database: Database, conversation_id: int, labelled: Sequence[LabelledSegment], question: Question, known: frozenset[str]
) -> ConversationScore:
    text, turns = question.texts.get(conversation_id), question.turns.get(conversation_id)
    async with database.session() as session:
        summary = await conversations.summary(session, conversation_id)
        if summary is None:
            raise LookupError(conversations.NOT_FOUND)
        transcribed = "" if text is None else await conversations.full_text(session, conversation_id)
        diarized = [] if turns is None else await segments.turns_of_conversation(session, conversation_id)

    def measure() -> ConversationScore:
        scored = [ScoredSegment(segment.truth, segment.speaker_name, segment.end - segment.start) for segment in labelled]
        diarization = None
        if turns is not None:
            end = max([summary.duration or 0.0, *(turn.end for turn in turns)])
            diarization = diarization_errors(turns, diarized, [Span(0, end)], collar=question.collar)
        elif labelled:
            truth = [Turn(segment.start, segment.end, key(segment.truth)) for segment in labelled]
            shown = [Turn(segment.start, segment.end, _shown_speaker(segment)) for segment in labelled]
            diarization = diarization_errors(truth, shown, [Span(segment.start, segment.end) for segment in labelled])
        return ConversationScore(
            id=conversation_id,
            title=summary.title,
            every=scoring.accuracy(scored, known),
            long=scoring.accuracy(scored, known, MIN_COMPARED_S),
            diarization=diarization,
            words=None if text is None else WordErrors(*word_errors(text, transcribed)),
        )

    return await asyncio.to_thread(measure)


def _shown_speaker(segment: LabelledSegment) -> str:
    """A label for the speaker that the transcript shows, equal for all segments of that speaker."""
    if segment.speaker_id is not None:
        return f"speaker {segment.speaker_id}"
    return f"participant {segment.participant_id}"
