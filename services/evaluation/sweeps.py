"""Sweeps of voice settings over labelled segments: which value is right most often."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluation import tuning
from pipeline.evaluation.tuning import LabelledVoice, Point
from pipeline.types import Span
from pipeline.voice_settings import VoiceSettings
from services.access.actor import actor
from services.evaluation.scores import MAX_LABELS
from services.recordings import Recordings
from storage.conversations import conversations, labels
from storage.conversations.labels import LabelledSegment
from storage.postgres.database import Database
from storage.speakers import reference_queries

THRESHOLDS = [step / 100 for step in range(10, 91)]
"""The range of `speaker_threshold` (`pipeline.voice_settings`)."""
PADDINGS_S = [0.05, 0.15, 0.3, 0.5, 1.0, 2.0]
MAX_SEGMENTS = 60
"""Segments embedded for each padding, spread over all labelled segments; half a minute of work on two cores."""
MAX_RECORDINGS = 8
"""Recordings read for these segments."""
MIN_SEGMENT_S = 0.5
"""A shorter segment does not identify a speaker."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The accuracy at each value of a setting."""

    setting: str
    segments: int
    """Labelled segments that were measured."""
    current: Point
    best: Point
    points: Sequence[Point]


async def sweep_threshold(
    database: Database, conversation_ids: Sequence[int] | None, settings: VoiceSettings, model: str
) -> Sweep | None:
    """Match the stored vectors of labelled participants with the speakers known from elsewhere, at every threshold.

    Reads no recording. Returns None where there are no labels.
    """
    async with database.session() as session:
        labelled = await labels.labelled_segments(session, actor().principal, conversation_ids, MAX_LABELS)
        if not labelled:
            return None
        participant_ids = sorted({segment.participant_id for segment in labelled})
        vectors = await reference_queries.of_participants(session, participant_ids, model)
        dimension = len(next(iter(vectors.values()), ()))
        gallery = await reference_queries.roster(session, model, dimension)
    truths: defaultdict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for segment in labelled:
        truths[segment.conversation_id, segment.participant_id][segment.truth] += 1
    voices = [LabelledVoice(vectors.get(id_), conversation, names) for (conversation, id_), names in truths.items()]

    def measure() -> Sweep:
        trials = tuning.trials(voices, gallery)
        current = tuning.point(trials, settings.speaker_threshold, settings.speaker_threshold)
        points = tuning.sweep(trials, THRESHOLDS)
        return Sweep("speaker_threshold", len(labelled), current, tuning.best(points, current), points)

    return await asyncio.to_thread(measure)


async def sweep_padding(
    recordings: Recordings, conversation_ids: Sequence[int] | None, settings: VoiceSettings, model: str
) -> Sweep | None:
    """Embed labelled segments again with other paddings, and match each by itself at the current threshold.

    Reads recordings and runs the embedder, within `MAX_RECORDINGS` and `MAX_SEGMENTS`. Returns None where no labelled segment
    can be embedded.
    """
    async with recordings.database.session() as session:
        labelled = await labels.labelled_segments(session, actor().principal, conversation_ids, MAX_LABELS)
    chosen = _spread([segment for segment in labelled if segment.end - segment.start >= MIN_SEGMENT_S])
    paddings = sorted({*PADDINGS_S, settings.context_padding})
    voices: defaultdict[float, list[LabelledVoice]] = defaultdict(list)
    for conversation_id, segments in chosen.items():
        try:
            async with recordings.database.session() as session:
                key = await conversations.lock_recording(session, conversation_id)
            audio = await recordings.load(key)
        except (LookupError, conversations.ConversationBusyError):
            continue
        for padding in paddings:
            spans = [Span(max(0.0, x.start - padding), min(audio.duration, x.end + padding)) for x in segments]
            voiceprints = await recordings.stages.embedder.embed_each(audio.samples, spans)
            voices[padding] += [
                LabelledVoice(None if voiceprint is None else voiceprint.vector, conversation_id, {segment.truth: 1})
                for segment, voiceprint in zip(segments, voiceprints, strict=True)
            ]
    dimension = max((len(voice.vector) for group in voices.values() for voice in group if voice.vector is not None), default=0)
    if not dimension:
        return None
    async with recordings.database.session() as session:
        gallery = await reference_queries.roster(session, model, dimension)

    def at(padding: float) -> Point:
        return tuning.point(tuning.trials(voices[padding], gallery), settings.speaker_threshold, padding)

    points = await asyncio.to_thread(lambda: [at(padding) for padding in paddings])
    current = points[paddings.index(settings.context_padding)]
    count = len(voices[settings.context_padding])
    return Sweep("context_padding", count, current, tuning.best(points, current), points)


def _spread(segments: Iterable[LabelledSegment]) -> Mapping[int, list[LabelledSegment]]:
    """Segments of the conversations with the most labels, every n-th, in order of time."""
    by_conversation: defaultdict[int, list[LabelledSegment]] = defaultdict(list)
    for segment in segments:
        by_conversation[segment.conversation_id].append(segment)
    most = sorted(by_conversation.items(), key=lambda item: -len(item[1]))[:MAX_RECORDINGS]
    step = max(1, -(-sum(len(found) for _, found in most) // MAX_SEGMENTS))
    return {id_: sorted(found[::step], key=lambda segment: segment.start) for id_, found in most}
