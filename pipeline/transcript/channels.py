"""Combine the transcripts of a recording's channels, each of which was transcribed on its own."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from pipeline.transcript.alignment import overlapped
from pipeline.transcript.notes import in_order, unmet_hint
from pipeline.transcript.tokens import tokens
from pipeline.types import Note, Segment, SpeakerHint, Transcript

MIN_COMMON_WORDS = 3
"""Two people may well say a shorter sentence at the same time."""
MIN_COMMON_SHARE = 0.8
MAX_DELAY_S = 0.5
"""Between a voice in its own channel and in the one that picks it up: an echo over the line takes up to 0.3 s, and the times of
words are off by some tenths of a second."""


@dataclass(frozen=True, slots=True)
class ChannelTranscript:
    channel: int
    """Of the recording, from 1."""
    transcript: Transcript


def channel_hint(hint: SpeakerHint, channels: int) -> SpeakerHint:
    """The hint for each of several channels with speech, where `hint` counts the speakers of all of them.

    One speaker for each channel, unless there must or may be more speakers than channels.
    """
    least = hint.num_speakers or hint.min_speakers or 1
    most = hint.num_speakers or hint.max_speakers
    if max(least, most or 1) <= channels:
        return SpeakerHint(num_speakers=1)
    return SpeakerHint(max_speakers=None if most is None else most - channels + 1)


def merged(parts: Sequence[ChannelTranscript], hint: SpeakerHint) -> Transcript:
    """One transcript in order of time. Each channel has speakers of its own; `hint` counts those of all channels.

    A sentence that a channel picks up from another one is left out, with a note. At least one part is needed.
    """
    heard, notes = without_crosstalk(parts)
    renamed = _with_labels_of_their_own(heard)
    turns = sorted((turn for part in renamed for turn in part.transcript.turns), key=lambda turn: (turn.start, turn.end))
    segments = sorted(
        (replace(segment, channel=part.channel) for part in renamed for segment in part.transcript.segments),
        key=lambda segment: (segment.start, segment.end),
    )
    flags = overlapped(segments, turns)
    speakers = {turn.speaker for turn in turns} | {segment.speaker for segment in segments}
    # Those without a time are on hints, which are compared with the speakers of all channels below.
    notes += [of_channel(note, part.channel) for part in parts for note in part.transcript.notes if note.start is not None]
    if unmet := unmet_hint(hint, len(speakers)):
        notes.append(unmet)
    return replace(
        parts[0].transcript,
        language=_main_language(heard),
        segments=tuple(replace(segment, overlap=bool(flag)) for segment, flag in zip(segments, flags, strict=True)),
        participants=tuple(person for part in renamed for person in part.transcript.participants),
        turns=tuple(turns),
        notes=tuple(in_order(notes)),
    )


def without_crosstalk(parts: Sequence[ChannelTranscript]) -> tuple[list[ChannelTranscript], list[Note]]:
    """The parts without sentences that another channel has at the same time, with a note on each.

    The sentence stays where its words are more probable. A channel of which nothing stays has no speakers.
    """
    words = _Words(parts)
    notes: list[Note] = []
    for place in words.least_probable_first():
        source = words.source(place)
        if source is not None:
            words.removed.add(place)  # so that it is no source any more: one of them stays
            channel, segment = words.segments[place]
            reason = f"channel {source} has the same words at the same time"
            note = Note("left_out", f"“{segment.text}” was left out: {reason}.", segment.start, segment.end)
            notes.append(of_channel(note, channel))
    left = []
    for part in parts:
        kept = [
            segment
            for place, (channel, segment) in enumerate(words.segments)
            if channel == part.channel and place not in words.removed
        ]
        left.append(replace(part, transcript=_with(part.transcript, kept)))
    return left, notes


class _Words:
    """The words of all channels, by what and when they are."""

    def __init__(self, parts: Sequence[ChannelTranscript]) -> None:
        self.segments = [(part.channel, segment) for part in parts for segment in part.transcript.segments]
        self.removed: set[int] = set()
        """Places in `segments`."""
        self._channels = [part.channel for part in parts]
        self._probabilities = [
            float(np.mean([word.probability for word in segment.words])) if segment.words else 1.0
            for _, segment in self.segments
        ]
        self._times: dict[tuple[int, str], list[tuple[float, int]]] = {}
        """By channel and token: its time, and the place of its segment."""
        for place, (channel, segment) in enumerate(self.segments):
            for token, start in _spoken(segment):
                self._times.setdefault((channel, token), []).append((start, place))
        for times in self._times.values():
            times.sort()

    def least_probable_first(self) -> list[int]:
        """Places; of two that are as probable, the one of the later channel."""
        return sorted(range(len(self.segments)), key=self._rank)

    def source(self, place: int) -> int | None:
        """The channel that has most words of a segment at the same time, and more clearly."""
        channel, segment = self.segments[place]
        spoken = _spoken(segment)
        if len(spoken) < MIN_COMMON_WORDS:
            return None
        for other in self._channels:
            if other == channel:
                continue
            near = [found for token, start in spoken if (found := self._near(other, token, start)) is not None]
            if len(near) < MIN_COMMON_SHARE * len(spoken):
                continue
            theirs = float(np.mean([self._probabilities[found] for found in near]))
            if self._rank(place) < (theirs, -other):
                return other
        return None

    def _rank(self, place: int) -> tuple[float, int]:
        return self._probabilities[place], -self.segments[place][0]

    def _near(self, channel: int, token: str, start: float) -> int | None:
        times = self._times.get((channel, token), [])
        for time, place in times[bisect_left(times, (start - MAX_DELAY_S, -1)) :]:
            if time > start + MAX_DELAY_S:
                break
            if place not in self.removed:
                return place
        return None


def _spoken(segment: Segment) -> list[tuple[str, float]]:
    return [(token, word.start) for word in segment.words for token in tokens(word.text)]


def _with(transcript: Transcript, segments: Sequence[Segment]) -> Transcript:
    if len(segments) == len(transcript.segments):
        return transcript
    speaking = {segment.speaker for segment in segments}
    gone = {segment.speaker for segment in transcript.segments} - speaking
    return replace(
        transcript,
        segments=tuple(segments),
        participants=tuple(person for person in transcript.participants if person.label not in gone),
        turns=tuple(turn for turn in transcript.turns if turn.speaker not in gone),
    )


def _with_labels_of_their_own(parts: Sequence[ChannelTranscript]) -> list[ChannelTranscript]:
    """The same with labels that no two channels share, numbered as the diarizer's are."""
    numbers = count()
    renamed = []
    for part in parts:
        found = part.transcript
        labels = {person.label for person in found.participants} | {segment.speaker for segment in found.segments}
        labels |= {turn.speaker for turn in found.turns}
        new = {label: f"SPEAKER_{next(numbers):02d}" for label in sorted(labels)}
        transcript = replace(
            found,
            segments=tuple(replace(segment, speaker=new[segment.speaker]) for segment in found.segments),
            participants=tuple(replace(person, label=new[person.label]) for person in found.participants),
            turns=tuple(replace(turn, speaker=new[turn.speaker]) for turn in found.turns),
        )
        renamed.append(replace(part, transcript=transcript))
    return renamed


def of_channel(note: Note, channel: int) -> Note:
    return replace(note, message=f"Channel {channel}: {note.message}")


def _main_language(parts: Sequence[ChannelTranscript]) -> str | None:
    """The language of the channel with the most speech."""
    return max(parts, key=lambda part: sum(s.end - s.start for s in part.transcript.segments)).transcript.language
