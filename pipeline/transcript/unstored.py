"""The segments of a transcript that no conversation keeps, in the form that all interfaces show."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pipeline.languages import most_spoken_first
from pipeline.types import ConversationSegment, Segment, Transcript


def segments(transcript: Transcript, names: Mapping[str, str], start: datetime) -> list[ConversationSegment]:
    """The segments under the speakers' names, by label, of a recording that starts at `start`."""
    ids = {label: number for number, label in enumerate(names, 1)}
    return [_segment(i, s, names[s.speaker], ids[s.speaker], start) for i, s in enumerate(transcript.segments, 1)]


def languages(transcript: Transcript) -> list[str]:
    """Those of its segments, the most spoken first."""
    return most_spoken_first((segment.language, segment.end - segment.start) for segment in transcript.segments)


def _segment(number: int, segment: Segment, name: str, speaker: int, start: datetime) -> ConversationSegment:
    emotion = segment.emotion
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
        emotion_category=emotion.label if emotion else None,
        emotion_confidence=emotion.confidence if emotion else None,
        words=segment.words,
        avg_logprob=segment.avg_logprob,
    )
