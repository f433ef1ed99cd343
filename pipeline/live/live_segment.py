"""Process one span of speech of live audio. `pipeline.process` does the same for whole recordings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from pipeline.concurrency import gather
from pipeline.decoding import PLAIN, Decoding
from pipeline.faults import Fault, attempt, succeeded
from pipeline.hotwords import hotwords_of
from pipeline.identity.matching import units
from pipeline.recognition import voices_and_emotions, with_results
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants, segmentation
from pipeline.transcript.alignment import ONLY_SPEAKER, align
from pipeline.transcript.gaps import gaps
from pipeline.transcript.notes import in_order, not_understood, shifted_note, unseparated, without_hallucinations
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, Diarization, Note, Participant, Segment, Span, Turn, Utterance

MIN_DIARIZED_S = 3.0
"""Seconds from which a span is diarized."""
MIN_SPEAKER_S = 1.0
"""Seconds that a speaker must speak in a span to be distinguished in it."""


@dataclass(frozen=True, slots=True)
class ProcessedSegment:
    """The result of a span of speech."""

    segments: tuple[Segment, ...] = ()
    """One per change of speaker, with embeddings and emotions; none if nothing was transcribed, or no speaker was found."""
    participants: tuple[Participant, ...] = ()
    """The speakers of the segments. Their labels have no meaning outside this span."""
    language: str | None = None
    notes: tuple[Note, ...] = ()

    def shifted(self, by: float) -> "ProcessedSegment":
        """The same with segments, words and notes `by` seconds later."""
        segments = tuple(_shifted(segment, by) for segment in self.segments)
        return replace(self, segments=segments, notes=tuple(shifted_note(note, by) for note in self.notes))


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    language: str | None = None
    """None: it is detected."""
    filter_hallucinations: bool = True
    speaker_threshold: float = 0.5
    """Cosine similarity above which two voices of a span count as one."""
    decoding: Decoding = PLAIN


async def process_segment(audio: Audio, duration: float, stages: Stages[Audio], options: SegmentOptions) -> ProcessedSegment:
    """Transcribe the span and determine its voice, its emotion and its speaker changes, all concurrently.

    Raises where the transcription fails; what else fails is missing, with a note, if the fault would recur.

    Args:
        audio: The span alone, in the form that the stages take, at most 30 s.
        duration: Its length in seconds.
    """
    whole = Span(0.0, duration)
    utterances, (voices, emotions), diarized = await gather(
        _transcribe(audio, whole, stages, options),
        voices_and_emotions(audio, stages, [whole], [whole]),
        attempt(_diarize(audio, duration, stages)),
    )
    notes = []
    if isinstance(diarized, Fault):
        notes.append(unseparated(whole, diarized))
    diarization = diarized if succeeded(diarized) else Diarization((), ())
    was_diarized = duration >= MIN_DIARIZED_S and succeeded(diarized)
    if not options.decoding.enabled:
        whole_turn = Turn(0.0, duration, ONLY_SPEAKER)
        segments = segmentation.of_turns(diarization.exclusive if was_diarized else [whole_turn])
    else:
        segments = align(utterances, diarization)
        notes += not_understood(gaps(whole, utterances), diarization.turns)
        if options.filter_hallucinations:
            hotwords = hotwords_of(options.decoding.hotwords)
            segments, left_out = without_hallucinations(segments, diarization.turns if was_diarized else None, hotwords)
            notes += left_out
    notes = in_order(notes)
    if not segments:
        return ProcessedSegment(notes=tuple(notes))
    speakers = await _speakers(audio, stages, diarization, segments)
    if len(speakers) > 1 and not _similar(speakers, options.speaker_threshold):
        parts = _by_speaker(segments, {speaker.label for speaker in speakers})
        parts, failed = await _with_voices_and_emotions(audio, duration, stages, parts)
    else:
        (segment,), failed = with_results([_joined(segments)], voices, emotions)
        parts, speakers = [segment], [Participant(segment.speaker, segment.end - segment.start, segment.voice)]
        if len({each.language for each in segments}) > 1:
            parts = _by_speaker([replace(each, speaker=segment.speaker) for each in segments], {segment.speaker})
            parts, failed = await _with_voices_and_emotions(audio, duration, stages, parts)
    language = utterances[0].language if utterances else None
    return ProcessedSegment(tuple(parts), tuple(speakers), language, (*notes, *failed))


async def _transcribe(audio: Audio, whole: Span, stages: Stages[Audio], options: SegmentOptions) -> Sequence[Utterance]:
    if not options.decoding.enabled:
        return ()
    return await stages.transcriber.transcribe(audio, whole, options.language, options.decoding)


async def _ignore(_fraction: float) -> None: ...


async def _diarize(audio: Audio, duration: float, stages: Stages[Audio]) -> Diarization:
    if duration < MIN_DIARIZED_S:
        return Diarization((), ())
    (shard,) = shards(duration)
    return await stages.diarizer.cluster([await stages.diarizer.observe(audio, shard, _ignore)], NO_HINT)


async def _speakers(
    audio: Audio, stages: Stages[Audio], diarization: Diarization, segments: Sequence[Segment]
) -> list[Participant]:
    """The speakers with enough speech and with voices that can be distinguished."""
    speakers = []
    for label in sorted({segment.speaker for segment in segments}):
        spans = participants.clean_speech(diarization, label)
        length = sum(segment.end - segment.start for segment in segments if segment.speaker == label)
        if length >= MIN_SPEAKER_S and sum(span.duration for span in spans) >= MIN_SPEAKER_S:
            voice = await attempt(stages.embedder.embed(audio, spans, diarization.voiceprints.get(label)))
            if succeeded(voice):
                speakers.append(Participant(label, length, voice))
    return speakers


def _similar(speakers: Sequence[Participant], threshold: float) -> bool:
    """Whether any two of them may be one person; then the span is not split."""
    vectors, _ = units(np.stack([speaker.voiceprint.vector for speaker in speakers if speaker.voiceprint is not None]))
    similarity = vectors @ vectors.T
    return bool(similarity[~np.eye(len(vectors), dtype=bool)].max() > threshold)


def _by_speaker(segments: Sequence[Segment], labels: Collection[str]) -> list[Segment]:
    """Join consecutive segments of a speaker in one language. Those of others than `labels` go to the previous, or the next."""
    speaker = next(segment.speaker for segment in segments if segment.speaker in labels)
    assigned = []
    for segment in segments:
        speaker = segment.speaker if segment.speaker in labels else speaker
        assigned.append(replace(segment, speaker=speaker))
    return [_joined(list(group)) for _, group in groupby(assigned, key=lambda segment: (segment.speaker, segment.language))]


def _joined(parts: Sequence[Segment]) -> Segment:
    words = tuple(word for part in parts for word in part.words)
    logprob = sum(part.avg_logprob * len(part.words) for part in parts) / max(len(words), 1)
    overlap = any(part.overlap for part in parts)
    return replace(parts[0], end=parts[-1].end, words=words, avg_logprob=logprob, overlap=overlap)


async def _with_voices_and_emotions(
    audio: Audio, duration: float, stages: Stages[Audio], parts: Sequence[Segment]
) -> tuple[list[Segment], list[Note]]:
    """The parts, each with an embedding and an emotion of its own, and notes on those that have none."""
    spans = [Span(part.start, min(part.end, duration)) for part in parts]
    return with_results(parts, *await voices_and_emotions(audio, stages, spans, spans))


def _shifted(segment: Segment, by: float) -> Segment:
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)
