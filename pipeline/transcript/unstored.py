"""The segments of a transcript that no conversation keeps, in the form that all interfaces show."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pipeline.emotion.feeling import Feeling, baseline, feeling
from pipeline.languages import most_spoken_first
from pipeline.types import ConversationSegment, Segment, Transcript


def segments(transcript: Transcript, names: Mapping[str, str], start: datetime) -> list[ConversationSegment]:
    """The segments under the speakers' names, by label, of a recording that starts at `start`."""
    ids = {label: number for number, label in enumerate(names, 1)}
    felt = feelings(transcript.segments)
    return [_segment(i, s, felt[i - 1], names[s.speaker], ids[s.speaker], start) for i, s in enumerate(transcript.segments, 1)]


def languages(transcript: Transcript) -> list[str]:
    """Those of its segments, the most spoken first."""
    return most_spoken_first((segment.language, segment.end - segment.start) for segment in transcript.segments)


def feelings(segments: Sequence[Segment]) -> list[Feeling | None]:
    """Of each segment, compared with the others of its speaker; None where its emotion is missing."""
    heard: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for segment in segments:
        if segment.emotion is not None:
            heard[segment.speaker].append(segment.emotion.scores)
    usual = {speaker: baseline(scores) for speaker, scores in heard.items()}
    return [None if s.emotion is None else feeling(s.emotion.scores, s.emotion.model, usual[s.speaker]) for s in segments]


def _segment(
    number: int, segment: Segment, felt: Feeling | None, name: str, speaker: int, start: datetime
) -> ConversationSegment:
    return ConversationSegment(
        id=number,
        conversation_id=1,
        participant_id=speaker,
        speaker_id=speaker,
        speaker_name=name,
        text=segment.text,
        start_time=start + timedelta(seconds=segment.start),
        end_time=start + timedelta(seconds=segment.end),
        start_offset=segment.start,
        end_offset=segment.end,
        overlap=segment.overlap,
        channel=segment.channel,
        language=segment.language,
        emotion_category=felt.label if felt else None,
        emotion_confidence=felt.confidence if felt else None,
        activation=felt.activation if felt else None,
        valence=felt.valence if felt else None,
        words=segment.words,
        avg_logprob=segment.avg_logprob,
    )
