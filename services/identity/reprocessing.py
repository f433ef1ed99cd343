"""A transcript that is already there, made anew: from the recording, or from the voices that are stored.

What people said by hand outlives both. A participant counts as told by hand where one of its lines was identified or moved by
somebody (a confidence of 1.0, which no comparison of voices gives), and, if the diarizer heard it, where its speaker was told
not to learn from it, or has a name that no comparison led to. All others are matched as if they were heard for the first time:
their own vectors are no references then. A voice that nobody is like any more keeps its speaker where nothing else is known of
that speaker, so that a name is never lost to a comparison.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.transcript.carry_over import carry, sources
from pipeline.types import Transcript, Word
from services.identity import transcripts
from storage.conversations import conversations
from storage.emotions import emotions
from storage.speakers import participants, references, speakers
from storage.tables import EmotionProfile, LabelRow, ParticipantRow, SegmentRow, Speaker, TurnRow

CONFIRMED = 1.0
"""The confidence of a line whose speaker somebody has told."""
EMOTION = ("emotion_category", "emotion_confidence", "emotion_corrected_at", "emotion_misidentified", "emotion_learned")
"""What there is to keep of a corrected emotion."""


@dataclass(frozen=True, slots=True)
class Changed:
    voices: int
    """Participants who have another speaker than before."""
    segments: int
    """Lines of theirs."""


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    speaker_id: int | None
    confidence: float | None
    enrolled: bool
    told: bool
    """By hand, who this is."""
    heard: bool
    """By the diarizer; others hold single lines that went from one speaker to another."""
    model: str | None
    vector: Any


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    participant_id: int
    words: tuple[Word, ...]
    confirmed: bool
    is_misidentified: bool
    emotion: Mapping[str, Any] | None
    """`EMOTION`, where somebody corrected it."""


async def rematch(session: AsyncSession, conversation_id: int, policy: IdentityPolicy) -> Changed:
    """Match the participants of a conversation with today's speakers again. No recording is read.

    Raises LookupError where there is no such conversation, ConversationBusy while its recording is in work.
    """
    await speakers.lock(session)
    await conversations.idle(session, conversation_id)
    before = await _people(session, conversation_id)
    open_ = [p for p in before if p.heard and not p.told and p.vector is not None and p.model == policy.model]
    await _forget(session, open_)
    known = await references.models(session, {p.speaker_id for p in open_ if p.speaker_id is not None})
    vectors = np.stack([p.vector for p in open_]) if open_ else np.zeros((0, 0), np.float32)
    matches = await references.match(session, vectors, policy.model, policy.voice.speaker_threshold)
    for person, match in zip(open_, matches, strict=True):
        if match is not None:
            await _assign(session, person.id, match.speaker_id, match.similarity)
        elif person.speaker_id is not None and policy.model not in known.get(person.speaker_id, set()):
            await _assign(session, person.id, person.speaker_id, person.confidence)
        else:
            await _assign(session, person.id, await speakers.create_unknown(session), None)
    return await _follow_up(session, conversation_id, before, before, policy)


async def replace(session: AsyncSession, conversation_id: int, transcript: Transcript, policy: IdentityPolicy) -> None:
    """Keep the transcript of a conversation, in place of the one it may have, with what was corrected in that one by hand.

    Raises as `transcripts.save` does.
    """
    await speakers.lock(session)
    people, old = await _people(session, conversation_id), await _lines(session, conversation_id)
    labels, thresholds = await _labels(session, conversation_id), await _thresholds(session, people)
    await _forget(session, [person for person in people if not person.told])
    await transcripts.save(session, conversation_id, transcript, policy)
    if not people:
        return
    found, new = await _people(session, conversation_id), await _lines(session, conversation_id)
    before, after = {line.id: line.words for line in old}, {line.id: line.words for line in new}
    source_of, successor = sources(before, after), carry(before, after)
    former = {person.id: person for person in people}
    speaker_of = {line.id: former[line.participant_id] for line in old}
    await _keep_voices(session, found, new, {line: speaker_of[source] for line, source in source_of.items()})
    confirmed = {line.id for line in old if line.confirmed}
    again = {line: speaker_of[source] for line, source in source_of.items() if source in confirmed}
    await _keep_confirmed(session, conversation_id, new, again)
    await _keep_marks(session, old, speaker_of, successor)
    for line_id, source in source_of.items():
        if source in labels:
            await session.execute(insert(LabelRow).values(segment_id=line_id, **labels[source]))
    await _follow_up(session, conversation_id, people, found, policy)
    for which, values in thresholds:
        await session.execute(update(EmotionProfile).where(*which).values(values))


async def _keep_voices(
    session: AsyncSession, found: Sequence[_Person], lines: Sequence[_Line], source_of: Mapping[int, _Person]
) -> None:
    """A voice that says most of what one who was told by hand said before has its speaker; `source_of` has that one, by line.

    So has one that nobody is like, if nothing else is known of that speaker: a new model knows nobody at first.
    """
    said: Counter[tuple[int, int]] = Counter()
    length: Counter[int] = Counter()
    for line in lines:
        length[line.participant_id] += len(line.words)
        if line.id in source_of:
            said[line.participant_id, source_of[line.id].id] += len(line.words)
    by_id = {person.id: person for person in (*found, *source_of.values())}
    for (heard, source), count in said.most_common():
        person, was = by_id[heard], by_id[source]
        if 2 * count <= length[heard] or was.speaker_id is None:
            continue
        new = person.confidence is None and not person.told
        if was.told or (new and not await _known(session, was.speaker_id, person.model)):
            await _assign(session, heard, was.speaker_id, was.confidence, was.enrolled)


async def _keep_confirmed(
    session: AsyncSession, conversation_id: int, lines: Sequence[_Line], again: Mapping[int, _Person]
) -> None:
    """Lines whose speaker somebody has told belong to that speaker; `again` has the former participant of each, by line."""
    moved: set[int] = set()
    now = {person.id: person.speaker_id for person in await _people(session, conversation_id)}
    for line in lines:
        if line.id not in again:
            continue
        was, values = again[line.id], {"confidence": CONFIRMED}
        if now[line.participant_id] != was.speaker_id and was.speaker_id is not None:
            there = await participants.of_speaker(session, conversation_id, was.speaker_id)
            if there is None:
                there = await participants.add(session, conversation_id, was.speaker_id, enrolled=was.enrolled)
            moved |= {line.participant_id, there}
            values["participant_id"] = there
        await session.execute(update(SegmentRow).where(SegmentRow.id == line.id).values(values))
    await participants.recompute(session, sorted(moved))


async def _keep_marks(
    session: AsyncSession, old: Sequence[_Line], speaker_of: Mapping[int, _Person], successor: Mapping[int, int]
) -> None:
    """Corrected emotions, and the marks of lines that are not their speaker's voice where they still have that speaker."""
    now = (
        select(SegmentRow.id, SegmentRow.participant_id, ParticipantRow.speaker_id)
        .join(ParticipantRow, SegmentRow.participant_id == ParticipantRow.id)
        .where(SegmentRow.id.in_([successor[line.id] for line in old if line.is_misidentified and line.id in successor]))
    )
    marked = {row.id: row for row in await session.execute(now)}
    silenced: set[int] = set()
    for line in old:
        if line.id not in successor:
            continue
        values: dict[str, Any] = {}
        row = marked.get(successor[line.id])
        if row is not None and row.speaker_id == speaker_of[line.id].speaker_id:
            values["is_misidentified"] = True
            silenced.add(row.participant_id)
        if line.emotion is not None:
            values |= {**line.emotion, "emotion_corrected": True}
        if values:
            await session.execute(update(SegmentRow).where(SegmentRow.id == successor[line.id]).values(values))
    await participants.recompute(session, sorted(silenced))


async def _follow_up(
    session: AsyncSession,
    conversation_id: int,
    before: Sequence[_Person],
    meanwhile: Sequence[_Person],
    policy: IdentityPolicy,
) -> Changed:
    """Bring everything that follows from who is who up to date; returns how the participants differ from `before`."""
    was = {person.id: person.speaker_id for person in before}
    now = await _people(session, conversation_id)
    changed = [person.id for person in now if was.get(person.id, person.speaker_id) != person.speaker_id]
    concerned = {p.speaker_id for p in (*before, *meanwhile, *now) if p.speaker_id is not None}
    for speaker in sorted(concerned):
        await emotions.recompute(session, speaker)
    await speakers.delete_orphaned(session, concerned)
    await emotions.redetect(session, settings=policy.voice, conversation_id=conversation_id, personalized=policy.personalized)
    lines = select(func.count()).select_from(SegmentRow).where(SegmentRow.participant_id.in_(changed))
    return Changed(len(changed), (await session.execute(lines)).scalar_one())


async def _people(session: AsyncSession, conversation_id: int) -> list[_Person]:
    confirmed = exists().where(SegmentRow.participant_id == ParticipantRow.id, SegmentRow.confidence == CONFIRMED)
    heard = exists().where(TurnRow.participant_id == ParticipantRow.id)
    named = ~Speaker.name.regexp_match(speakers.UNKNOWN)
    given = and_(heard, or_(~ParticipantRow.enrolled, and_(ParticipantRow.confidence.is_(None), named)))
    told = and_(ParticipantRow.speaker_id.is_not(None), or_(confirmed, given))
    columns = (ParticipantRow.id, ParticipantRow.speaker_id, ParticipantRow.confidence, ParticipantRow.enrolled)
    rows = await session.execute(
        select(*columns, told, heard, ParticipantRow.model, ParticipantRow.vector)
        .outerjoin(Speaker)
        .where(ParticipantRow.conversation_id == conversation_id)
        .order_by(ParticipantRow.id)
    )
    return [_Person(*row) for row in rows]


async def _lines(session: AsyncSession, conversation_id: int) -> list[_Line]:
    columns = (SegmentRow.id, SegmentRow.participant_id, SegmentRow.words, SegmentRow.confidence, SegmentRow.is_misidentified)
    corrected = [getattr(SegmentRow, name) for name in EMOTION]
    rows = await session.stream(
        select(*columns, SegmentRow.emotion_corrected, *corrected)
        .where(SegmentRow.conversation_id == conversation_id)
        .order_by(SegmentRow.position)
    )
    found = []
    async for id_, person, words, confidence, misidentified, is_corrected, *emotion in rows:
        spoken = tuple(Word(w["word"], w["start"], w["end"], w["probability"]) for w in words or ())
        kept = dict(zip(EMOTION, emotion, strict=True)) if is_corrected else None
        found.append(_Line(id_, person, spoken, confidence == CONFIRMED, misidentified, kept))
    return found


async def _labels(session: AsyncSession, conversation_id: int) -> dict[int, dict[str, Any]]:
    columns = (LabelRow.speaker_name, LabelRow.labeled_by, LabelRow.notes, LabelRow.labeled_at)
    rows = await session.execute(
        select(LabelRow.segment_id, *columns).join(SegmentRow).where(SegmentRow.conversation_id == conversation_id)
    )
    return {id_: dict(zip([column.key for column in columns], values, strict=True)) for id_, *values in rows}


async def _thresholds(session: AsyncSession, people: Sequence[_Person]) -> list[tuple[list[Any], dict[str, float | None]]]:
    """What was set for emotion profiles, which are gone for as long as none of their lines is there."""
    mine = {person.speaker_id for person in people if person.speaker_id is not None}
    columns = (EmotionProfile.speaker_id, EmotionProfile.emotion_category)
    values = (EmotionProfile.confidence_threshold, EmotionProfile.voice_threshold)
    rows = await session.execute(select(*columns, *values).where(EmotionProfile.speaker_id.in_(mine)))
    return [
        ([columns[0] == speaker, columns[1] == emotion], {"confidence_threshold": confidence, "voice_threshold": voice})
        for speaker, emotion, confidence, voice in rows
    ]


async def _forget(session: AsyncSession, people: Sequence[_Person]) -> None:
    ids = [person.id for person in people]
    await session.execute(update(ParticipantRow).where(ParticipantRow.id.in_(ids)).values(speaker_id=None))


async def _assign(
    session: AsyncSession, participant_id: int, speaker_id: int, confidence: float | None, enrolled: bool = True
) -> None:
    values = {"speaker_id": speaker_id, "confidence": confidence, "enrolled": enrolled}
    await session.execute(update(ParticipantRow).where(ParticipantRow.id == participant_id).values(values))


async def _known(session: AsyncSession, speaker_id: int, model: str | None) -> bool:
    """Whether anything else tells what the speaker sounds like to `model`."""
    return model in (await references.models(session, [speaker_id])).get(speaker_id, set())
