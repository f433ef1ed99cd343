"""How well transcripts agree with what people have labelled, and which settings would agree better."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engines.diarization_errors import diarization_errors
from pipeline.evaluation import scoring, tuning
from pipeline.evaluation.error_rates import DiarizationErrors, word_errors
from pipeline.evaluation.plot import curves
from pipeline.evaluation.scoring import Accuracy, Answer
from pipeline.evaluation.tuning import Point, Voice
from pipeline.identity.matching import LONG_ENOUGH, is_unknown
from pipeline.types import Span, Turn
from pipeline.voice_settings import VoiceSettings
from services.recordings import Recordings
from storage.conversations import conversations, labels, segments
from storage.conversations.labels import LabelledLine
from storage.postgres.database import Database
from storage.speakers import reference_queries, speakers

MOST_LINES = 50_000
"""Labelled lines that are looked at: weeks of somebody's work."""
THRESHOLDS = [step / 100 for step in range(10, 91)]
"""What the setting may be (`pipeline.voice_settings`)."""
PADDINGS = [0.05, 0.15, 0.3, 0.5, 1.0, 2.0]
HEARD_AGAIN = 60
"""Lines that are embedded anew for each padding, spread over all that are labelled; half a minute's work on two cores."""
RECORDINGS_AGAIN = 8
"""Recordings that are read for it."""
SHORTEST_AGAIN = 0.5
"""Seconds; nobody is known by less."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to measure."""

    conversation_ids: Sequence[int] | None
    """None for all that have labels."""
    texts: Mapping[int, str]
    """What was truly said, by conversation."""
    turns: Mapping[int, Sequence[Turn]]
    """Who truly spoke when, by conversation; in place of what the labels say."""
    collar: float
    """Seconds on either side of a boundary of `turns` that are not scored."""


@dataclass(frozen=True, slots=True)
class WordErrors:
    errors: int
    words: int
    """Of the reference."""

    @property
    def rate(self) -> float | None:
        return self.errors / self.words if self.words else None


@dataclass(frozen=True, slots=True)
class ConversationScore:
    id: int
    title: str | None
    every: Accuracy
    long: Accuracy
    diarization: DiarizationErrors | None
    words: WordErrors | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What each value of a setting would do."""

    setting: str
    lines: int
    """How many labelled lines this is measured on."""
    current: Point
    best: Point
    points: Sequence[Point]
    plot: str
    """An SVG document."""


async def score(database: Database, question: Question) -> list[ConversationScore]:
    """One score for each conversation with labels or a reference.

    Raises LookupError where a conversation that is asked for is not there.
    """
    async with database.session() as session:
        lines = await labels.lines(session, question.conversation_ids, MOST_LINES)
        known = frozenset(scoring.fold(name) for name in await speakers.names(session) if not is_unknown(name))
    labelled: defaultdict[int, list[LabelledLine]] = defaultdict(list)
    for line in lines:
        labelled[line.conversation_id].append(line)
    asked = {*labelled, *question.texts, *question.turns, *(question.conversation_ids or ())}
    return [await _score(database, id_, labelled[id_], question, known) for id_ in sorted(asked)]


async def _score(
    database: Database, conversation_id: int, lines: Sequence[LabelledLine], question: Question, known: frozenset[str]
) -> ConversationScore:
    text, turns = question.texts.get(conversation_id), question.turns.get(conversation_id)
    async with database.session() as session:
        summary = await conversations.summary(session, conversation_id)
        if summary is None:
            raise LookupError(conversations.NOT_FOUND)
        said = "" if text is None else await conversations.words(session, conversation_id)
        heard = [] if turns is None else await segments.turns_of_conversation(session, conversation_id)

    def measure() -> ConversationScore:
        answers = [Answer(line.truth, line.speaker_name, line.end - line.start) for line in lines]
        diarization = None
        if turns is not None:
            end = max([summary.duration or 0.0, *(turn.end for turn in turns)])
            diarization = diarization_errors(turns, heard, [Span(0, end)], collar=question.collar)
        elif lines:
            truth = [Turn(line.start, line.end, scoring.fold(line.truth)) for line in lines]
            shown = [Turn(line.start, line.end, _voice(line)) for line in lines]
            diarization = diarization_errors(truth, shown, [Span(line.start, line.end) for line in lines])
        return ConversationScore(
            id=conversation_id,
            title=summary.title,
            every=scoring.accuracy(answers, known),
            long=scoring.accuracy(answers, known, LONG_ENOUGH),
            diarization=diarization,
            words=None if text is None else WordErrors(*word_errors(text, said)),
        )

    return await asyncio.to_thread(measure)


def _voice(line: LabelledLine) -> str:
    return f"speaker {line.speaker_id}" if line.speaker_id is not None else f"participant {line.participant_id}"


async def sweep_threshold(
    database: Database, conversation_ids: Sequence[int] | None, settings: VoiceSettings, model: str
) -> Sweep | None:
    """Match the stored voices of labelled participants with everybody known from elsewhere, at every threshold.

    No recording is read. None where nothing is labelled.
    """
    async with database.session() as session:
        lines = await labels.lines(session, conversation_ids, MOST_LINES)
        if not lines:
            return None
        vectors = await reference_queries.of_participants(session, sorted({line.participant_id for line in lines}), model)
        dimension = len(next(iter(vectors.values()), ()))
        roster = await reference_queries.roster(session, model, dimension)
    truths: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for line in lines:
        truths[line.conversation_id, line.participant_id][line.truth] += 1
    heard = [Voice(vectors.get(person), conversation, names) for (conversation, person), names in truths.items()]

    def measure() -> Sweep:
        trials = tuning.trials(heard, roster)
        current = tuning.point(trials, settings.speaker_threshold, settings.speaker_threshold)
        return _sweep("speaker_threshold", len(lines), tuning.sweep(trials, THRESHOLDS), current)

    return await asyncio.to_thread(measure)


async def sweep_padding(
    recordings: Recordings, conversation_ids: Sequence[int] | None, settings: VoiceSettings, model: str
) -> Sweep | None:
    """Hear labelled lines again with more or less of what surrounds them, and match each on its own at today's threshold.

    Reads recordings and runs the embedder, within bounds. None where nothing is labelled that could be heard.
    """
    async with recordings.database.session() as session:
        lines = await labels.lines(session, conversation_ids, MOST_LINES)
    chosen = _spread([line for line in lines if line.end - line.start >= SHORTEST_AGAIN])
    paddings = sorted({*PADDINGS, settings.context_padding})
    heard: defaultdict[float, list[Voice]] = defaultdict(list)
    for conversation_id, its_lines in chosen.items():
        try:
            async with recordings.database.session() as session:
                key = await conversations.recording(session, conversation_id)
            audio = await recordings.load(key)
        except (LookupError, conversations.ConversationBusy):
            continue
        for padding in paddings:
            spans = [Span(max(0.0, x.start - padding), min(audio.duration, x.end + padding)) for x in its_lines]
            prints = await recordings.stages.embedder.embed_each(audio.samples, spans)
            heard[padding] += [
                Voice(None if voice is None else voice.vector, conversation_id, {line.truth: 1})
                for line, voice in zip(its_lines, prints, strict=True)
            ]
    dimension = max((len(voice.vector) for group in heard.values() for voice in group if voice.vector is not None), default=0)
    if not dimension:
        return None
    async with recordings.database.session() as session:
        roster = await reference_queries.roster(session, model, dimension)

    def at(padding: float) -> Point:
        return tuning.point(tuning.trials(heard[padding], roster), settings.speaker_threshold, padding)

    points = await asyncio.to_thread(lambda: [at(padding) for padding in paddings])
    current = points[paddings.index(settings.context_padding)]
    return _sweep("context_padding", len(heard[settings.context_padding]), points, current)


def _spread(lines: Iterable[LabelledLine]) -> Mapping[int, list[LabelledLine]]:
    """Lines of the conversations with most of them, every n-th, in order of time."""
    by_conversation: defaultdict[int, list[LabelledLine]] = defaultdict(list)
    for line in lines:
        by_conversation[line.conversation_id].append(line)
    most = sorted(by_conversation.items(), key=lambda item: -len(item[1]))[:RECORDINGS_AGAIN]
    step = max(1, -(-sum(len(its) for _, its in most) // HEARD_AGAIN))
    return {id_: sorted(its[::step], key=lambda line: line.start) for id_, its in most}


def _sweep(setting: str, lines: int, points: Sequence[Point], current: Point) -> Sweep:
    best = tuning.best(points, current)
    plot = curves(
        f"What {setting} does to {lines} labelled lines",
        setting,
        [point.value for point in points],
        {
            "right": [point.accuracy for point in points],
            "somebody else's name": [point.false_accepts for point in points],
            "known, but not recognised": [point.misses for point in points],
        },
        {"now": current.value} | ({"best": best.value} if best is not current else {}),
    )
    return Sweep(setting, lines, current, best, points, plot)
