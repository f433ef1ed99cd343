"""Who speaks in a recording that is not kept: known speakers are recognised, and nothing is learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.gallery import Reference, ReferenceMatrix
from pipeline.identity.plan import IdentityPlan
from pipeline.identity.policy import IdentityPolicy
from pipeline.identity.segment_reassignment import disputed_segments
from pipeline.identity.transcripts import NearbySpeakers, all_participants, plan_transcript
from pipeline.names import letters
from pipeline.types import Participant, Transcript, Voiceprint
from storage.speakers import identity_values, speakers


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A voice that the client sends with its recording."""

    name: str
    voice: Voiceprint


async def name_speakers(
    session: AsyncSession, transcript: Transcript, policy: IdentityPolicy, known: Sequence[KnownVoice]
) -> tuple[Transcript, Mapping[str, str]]:
    """The transcript with the segments at their speakers, and the name of each label, in the order of first segments.

    Speakers are the client's and the stored ones, in this order of priority; other voices are A, B, ….
    """
    people = all_participants(transcript)
    threshold = policy.voice.speaker_threshold
    disputed = disputed_segments(transcript.segments, people, threshold)
    nearby = await identity_values.near_transcript(session, people, disputed, threshold)
    names = dict(enumerate((one.name for one in known), -len(known)))  # no stored speaker has an id below 0
    plan = plan_transcript(people, disputed, _with_known(nearby, people, known, threshold), threshold)
    stored = {one.speaker for one in plan.assignments if isinstance(one.speaker, int)} - names.keys()
    names |= await speakers.names_of(session, stored)
    moved = _moved(transcript, plan)
    return moved, _labels(moved, plan, names)


def _with_known(
    nearby: NearbySpeakers, people: Sequence[Participant], known: Sequence[KnownVoice], threshold: float
) -> NearbySpeakers:
    """With the client's voices under negative ids."""
    participants = dict(nearby.participants)
    for person in people:
        if person.voiceprint is None:
            continue
        voice = person.voiceprint
        matrix = ReferenceMatrix(len(voice.vector), voice.model)
        same = ((id_, one.voice) for id_, one in enumerate(known, -len(known)) if one.voice.model == voice.model)
        matrix.put([Reference(id_, id_, one.vector) for id_, one in same])
        (close,) = matrix.neighbours(voice.vector[None], threshold, [person.speech_seconds])
        if close:  # the client's speakers have priority over stored ones
            participants[person.label] = close
    return replace(nearby, participants=participants)


def _moved(transcript: Transcript, plan: IdentityPlan) -> Transcript:
    targets = {move.segment: str(move.target) for move in plan.moves}
    segments = (replace(one, speaker=targets.get(at, one.speaker)) for at, one in enumerate(transcript.segments))
    return replace(transcript, segments=tuple(segments))


def _labels(transcript: Transcript, plan: IdentityPlan, names: Mapping[int, str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    free = (name for name in map(letters, count()) if name not in set(names.values()))
    for label in dict.fromkeys(segment.speaker for segment in transcript.segments):
        speaker = plan.assignment_of[label].speaker if label in plan.assignment_of else None
        if isinstance(speaker, int) and speaker in names:
            found[label] = names[speaker]
        else:
            found[label] = next(free)
    return found
