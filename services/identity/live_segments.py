"""Conversations that are being recorded: lines are kept as they are said, and whose they are is decided one by one.

A line belongs to the participant of its conversation whose voice it is; else to a speaker who is known, else to a new one. One
too short to know a voice by belongs to whoever it sounds most like, else to whoever spoke last: it never makes a speaker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import LONG_ENOUGH, is_unknown, similarity_matrix, units
from pipeline.identity.policy import IdentityPolicy
from pipeline.live.live_segment import ProcessedSegment
from pipeline.types import Participant, Segment, Voiceprint
from services.identity import emotion_refresh, unknown_speakers
from services.identity.speaker_changes import SpeakerChange
from storage.conversations import conversations, transcripts
from storage.conversations.segments import local_name
from storage.emotions import emotions
from storage.speakers import participants, references, speakers
from storage.tables.tables import Conversation, ParticipantRow, SegmentRow, Speaker, TurnRow

RECORDING = "recording"
SETTLED = 50
"""Lines after which a participant's voice is known as well as it will be; making it anew with every line costs time."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A conversation that is being recorded."""

    id: int
    status: str
    language: str | None
    """In which it is spoken, where whoever began it said so."""
    heard: float
    """Seconds up to which lines are kept."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was kept. Offsets are seconds from the start of the recording."""

    id: int
    speaker_name: str
    is_known: bool
    """Somebody has named the speaker."""
    text: str
    start_offset: float
    end_offset: float
    confidence: float | None
    emotion_category: str | None
    emotion_confidence: float | None
    detector_breakdown: dict[str, Any] | None
    words: list[dict[str, Any]]
    avg_logprob: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    segments: int
    speakers: int


async def begin(session: AsyncSession, uuid: UUID, title: str | None, audio_format: str, language: str | None) -> int:
    """A new conversation, which is being recorded from now on under a name that its file has, too; returns its id."""
    now = datetime.now(UTC)
    values = {
        "uuid": uuid,
        "title": f"Live Recording {now:%Y-%m-%d %H:%M}" if title is None else title.replace("\0", ""),
        "start_time": now,
        "status": RECORDING,
        "audio_format": audio_format,
        "language": language,
    }
    return (await session.execute(insert(Conversation).values(values).returning(Conversation.id))).scalar_one()


async def find(session: AsyncSession, uuid: UUID) -> Recording | None:
    """The conversation whose recording has this name."""
    heard = select(func.coalesce(func.max(SegmentRow.end_offset), 0.0)).where(SegmentRow.conversation_id == Conversation.id)
    columns = (Conversation.id, Conversation.status, Conversation.language, heard.scalar_subquery())
    row = (await session.execute(select(*columns).where(Conversation.uuid == uuid))).one_or_none()
    return None if row is None else Recording(*row)


async def name_of_recording(session: AsyncSession, conversation_id: int) -> UUID | None:
    """What the file of a conversation is called that is still being recorded; None where there is no such conversation."""
    found = select(Conversation.uuid).where(Conversation.id == conversation_id, Conversation.status == RECORDING)
    return await session.scalar(found)


async def add(
    session: AsyncSession,
    conversation_id: int,
    heard: ProcessedSegment,
    policy: IdentityPolicy,
    num_speakers: int | None = None,
) -> list[Line]:
    """Keep what was heard, which follows what is there, and decide who says it.

    Args:
        num_speakers: How many people speak, where that is known: once so many were heard, nobody else is expected.

    Raises LookupError where the conversation is not being recorded any more.
    """
    await speakers.lock(session)
    open_ = select(Conversation.id).where(Conversation.id == conversation_id, Conversation.status == RECORDING)
    if await session.scalar(open_.with_for_update(key_share=True)) is None:
        raise LookupError(f"Conversation {conversation_id} is not being recorded any more; start a new one.")
    who: dict[str, int] = {}
    for person in sorted(heard.participants, key=lambda person: -person.speech):
        who[person.label] = await _whose(session, conversation_id, person, policy, num_speakers, set(who.values()))
    ids = [await _insert(session, conversation_id, who[segment.speaker], segment) for segment in heard.segments]
    await _follow(session, policy, heard.participants, who)
    return [await _line(session, id_) for id_ in ids]


async def add_once(
    session: AsyncSession,
    conversation_id: int,
    heard: ProcessedSegment,
    policy: IdentityPolicy,
    num_speakers: int | None = None,
) -> list[Line]:
    """`add`, unless that was done already: a connection can be lost when all is written, and before anybody is told so."""
    there = SegmentRow.conversation_id == conversation_id, SegmentRow.start_offset >= heard.segments[0].start
    if ids := (await session.scalars(select(SegmentRow.id).where(*there).order_by(SegmentRow.position))).all():
        return [await _line(session, id_) for id_ in ids]
    return await add(session, conversation_id, heard, policy, num_speakers)


async def finish(
    session: AsyncSession, conversation_id: int, audio_key: str | None, duration: float, language: str | None
) -> Counts:
    """The recording is complete, and in the audio store if there is any sound in it.

    Raises LookupError where the conversation is gone.
    """
    await session.execute(update(Conversation).where(Conversation.id == conversation_id).values(audio_key=audio_key))
    await conversations.complete(session, conversation_id, duration, language)
    found = await conversations.summary(session, conversation_id)
    assert found is not None
    return Counts(found.num_segments, found.num_speakers)


async def _insert(session: AsyncSession, conversation_id: int, participant_id: int, segment: Segment) -> int:
    of_conversation = SegmentRow.conversation_id == conversation_id
    position = await session.scalar(select(func.coalesce(func.max(SegmentRow.position) + 1, 0)).where(of_conversation))
    place = {"conversation_id": conversation_id, "participant_id": participant_id}
    values = place | {"position": position} | transcripts.segment_values(segment)
    id_ = (await session.execute(insert(SegmentRow).values(values).returning(SegmentRow.id))).scalar_one()
    # Until a diarizer has heard all of the recording its lines are its turns.
    await session.execute(insert(TurnRow).values(place | {"start": segment.start, "end": segment.end}))
    return id_


async def _follow(session: AsyncSession, policy: IdentityPolicy, people: Sequence[Participant], who: Mapping[str, int]) -> None:
    """Bring voices, speakers and emotions to what was said."""
    for person in people:
        spoken = update(ParticipantRow).where(ParticipantRow.id == who[person.label])
        await session.execute(spoken.values(speech=ParticipantRow.speech + person.speech))
        lines = await session.scalar(select(func.count()).where(SegmentRow.participant_id == who[person.label]))
        if (lines or 0) <= SETTLED:
            await participants.recompute(session, [who[person.label]])
    edit = SpeakerChange(session)
    await unknown_speakers.merge_matching(
        edit, policy, [p.voiceprint.vector for p in people if p.voiceprint and _is_evidence(p, policy)]
    )
    await edit.save()
    speaking = select(ParticipantRow.id, ParticipantRow.speaker_id).where(ParticipantRow.id.in_(who.values()))
    for participant_id, speaker_id in (await session.execute(speaking)).all():
        if await emotion_refresh.profiled(session, speaker_id):
            concerned = [participant_id]
            await emotions.redetect(session, settings=policy.voice, participant_ids=concerned, personalized=policy.personalized)


def _is_evidence(person: Participant, policy: IdentityPolicy) -> bool:
    return person.speech >= LONG_ENOUGH and person.voiceprint is not None and person.voiceprint.model == policy.model


async def _whose(
    session: AsyncSession,
    conversation_id: int,
    person: Participant,
    policy: IdentityPolicy,
    num_speakers: int | None,
    taken: set[int],
) -> int:
    """Which participant this is: one of those who were heard before, but for `taken`, or a new one."""
    columns = (ParticipantRow.id, ParticipantRow.vector, ParticipantRow.model, ParticipantRow.speaker_id)
    people = (await session.execute(select(*columns).where(ParticipantRow.conversation_id == conversation_id))).all()
    voice, threshold = person.voiceprint, policy.voice.speaker_threshold
    open_ = [row for row in people if voice is not None and row.model == voice.model and row.id not in taken]
    nearest, similarity = _nearest(voice, open_)
    same = nearest is not None and similarity > threshold
    if same and nearest.speaker_id is not None:
        return int(nearest.id)
    if voice is not None and person.speech >= LONG_ENOUGH:
        (match,) = await references.match(session, voice.vector[None], voice.model, threshold)
        there = None if match is None else await participants.of_speaker(session, conversation_id, match.speaker_id)
        if there is not None and there not in taken:
            return there
        if same or match is not None or nearest is None or num_speakers is None or len(people) < num_speakers:
            who = nearest.id if same else await participants.add(session, conversation_id, None, enrolled=True)
            speaker_id = await speakers.create_unknown(session) if match is None else match.speaker_id
            values = {"speaker_id": speaker_id, "confidence": match and match.similarity}
            await session.execute(update(ParticipantRow).where(ParticipantRow.id == who).values(values))
            if await emotion_refresh.taught(session, [who]):  # before whoever it was taken for was deleted
                await emotions.recompute(session, speaker_id)
            return int(who)
    if nearest is not None:
        return int(nearest.id)
    last = select(SegmentRow.participant_id).where(SegmentRow.conversation_id == conversation_id)
    last = last.where(SegmentRow.participant_id.not_in(taken)).order_by(SegmentRow.position.desc()).limit(1)
    return await session.scalar(last) or await participants.add(session, conversation_id, None, enrolled=True)


def _nearest(voice: Voiceprint | None, people: Sequence[Any]) -> tuple[Any, float]:
    """Whoever of the participants sounds most like it, and how much."""
    if voice is None or not people:
        return None, 0.0
    similar = similarity_matrix(voice.vector[None], units(np.stack([row.vector for row in people]))[0].T)[0]
    best = int(similar.argmax())
    return people[best], float(similar[best])


async def _line(session: AsyncSession, segment_id: int) -> Line:
    kept = ("text", "start_offset", "end_offset", "emotion_category", "emotion_confidence", "detector_breakdown", "words")
    columns = [getattr(SegmentRow, name) for name in (*kept, "avg_logprob")]
    confidence = func.coalesce(SegmentRow.confidence, ParticipantRow.confidence).label("confidence")
    found = (
        select(*columns, confidence, SegmentRow.participant_id, SegmentRow.conversation_id, Speaker.name)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .outerjoin(Speaker, ParticipantRow.speaker_id == Speaker.id)
        .where(SegmentRow.id == segment_id)
    )
    row = (await session.execute(found)).one()._asdict()
    name, who, where = row.pop("name"), row.pop("participant_id"), row.pop("conversation_id")
    before = select(func.count()).where(ParticipantRow.conversation_id == where, ParticipantRow.id < who)
    index = (await session.execute(before)).scalar_one()
    return Line(
        id=segment_id, speaker_name=name or local_name(index), is_known=name is not None and not is_unknown(name), **row
    )
