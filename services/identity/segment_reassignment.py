"""Lines whose voice is not that of the participant to whom the diarizer gave them, and whose they are.

It joins stretches by what seconds around them sound like, and may give somebody else a short one within another's speech. Only
those lines are looked at that are long enough, spoken by one person alone, and below the threshold even to their own
participant: hardly any.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import LONG_ENOUGH, REASSIGN_MARGIN, Match, dissenter, is_outlier, similarity_matrix
from pipeline.transcript.participants import free_label
from pipeline.types import Participant, Transcript, Vector, Voiceprint
from storage.speakers import references, speakers

BATCH = 250
"""Lines compared at a time with everybody."""


@dataclass(slots=True)
class Dissent:
    """What the lines are moved to, by their number."""

    homes: dict[int, str | Match] = field(default_factory=dict)
    """Another participant of the conversation, by label, or a speaker whom a person has named."""
    outliers: list[Participant] = field(default_factory=list)
    """Participants that the diarizer does not know, of lines that are nobody's of whom anything is known."""


async def find(
    session: AsyncSession,
    transcript: Transcript,
    people: Sequence[Participant],
    speaker_of: Mapping[str, int | None],
    threshold: float,
) -> Dissent:
    """The lines that are not of their participant, who is one of `people`; `speaker_of` has the speakers of these, by label."""
    found = Dissent()
    voices = {person.label: person.voiceprint for person in people if person.voiceprint is not None}
    open_ = dict(_open(transcript, voices, threshold))
    numbers = list(open_)
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        vectors = np.stack([open_[number][0].vector for number in batch])
        nearby = await references.neighbours(session, vectors, open_[batch[0]][0].model, threshold - REASSIGN_MARGIN)
        named = await speakers.named(session, {speaker for near in nearby for speaker in near})
        for number, near in zip(batch, nearby, strict=True):
            (voice, own), line = open_[number], transcript.segments[number]
            mine = speaker_of[line.speaker]
            own = max(own, near.pop(mine, -1.0) if mine is not None else -1.0)
            known: dict[int | str, float] = {speaker: s for speaker, s in near.items() if named.get(speaker)}
            here: dict[int | str, float] = {
                label: _similarity(voice.vector, of.vector) for label, of in voices.items() if label != line.speaker
            }
            if (home := dissenter(own, known, here, threshold)) is not None:
                who, similarity = home
                found.homes[number] = who if isinstance(who, str) else Match(who, similarity)
            elif is_outlier(own, threshold):
                stray = Participant(free_label({*voices, *speaker_of}), line.end - line.start, voice)
                found.outliers.append(stray)
                voices[stray.label] = voice  # which the next one may be, too
                found.homes[number] = stray.label
    return found


def _open(
    transcript: Transcript, voices: Mapping[str, Voiceprint], threshold: float
) -> Iterator[tuple[int, tuple[Voiceprint, float]]]:
    """Lines by number that may be somebody else's, with their voice and its similarity to their participant's."""
    for number, line in enumerate(transcript.segments):
        own = voices.get(line.speaker)
        if line.voice is None or own is None or own.model != line.voice.model:
            continue
        if line.overlap or line.end - line.start < LONG_ENOUGH:
            continue
        similarity = _similarity(line.voice.vector, own.vector)
        if similarity <= threshold:
            yield number, (line.voice, similarity)


def _similarity(one: Vector, other: Vector) -> float:
    return float(similarity_matrix(one[None], other[:, None])[0, 0])
