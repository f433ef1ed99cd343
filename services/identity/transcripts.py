"""Storing what the stages found: who the voices are is decided here, in the transaction that keeps the answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.matching import Match
from pipeline.identity.policy import IdentityPolicy
from pipeline.types import Participant, Segment, Transcript
from services.identity import emotion_refresh, segment_reassignment
from services.identity.speaker_changes import SpeakerChange
from services.identity.unknown_speakers import merge_matching
from storage.conversations import conversations
from storage.emotions import emotions
from storage.speakers import participants, references, speakers
from storage.tables.tables import Base, Conversation, ParticipantRow, SegmentRow

BATCH = 250
"""Rows encoded at a time, a few milliseconds' work: the event loop gets its turn in between."""

SEGMENTS, TURNS = Base.metadata.tables["segments"], Base.metadata.tables["turns"]  # plain tables: no object for every row

Identity = tuple[int | None, float | None]
"""Speaker and similarity of a participant: neither where there is no voiceprint, no similarity for a new speaker."""

T = TypeVar("T")


async def save(session: AsyncSession, conversation_id: int, transcript: Transcript, policy: IdentityPolicy) -> None:
    """Keep the transcript of a conversation, in place of the one it may have, and mark the conversation completed.

    A participant with a voiceprint becomes the known speaker who is closest, with a cosine similarity above the threshold,
    else a new `Unknown_NN`; one without belongs to nobody and is shown under a name local to the conversation
    (`storage.conversations.segments.local_name`). Then lines that are not of their participant go to whose they are
    (`services.identity.segment_reassignment`); all
    others inherit. Unknown speakers whom the new voices show to be somebody become them (`services.identity.unknown_speakers`).
    Transcripts
    are matched one at a time, so that two that bring the same new voice at the same moment make one speaker of it. The former
    transcript still counts as a reference: its names are kept.

    Raises LookupError where the conversation was deleted meanwhile, ValueError where the transcript contradicts itself.
    """
    await speakers.lock(session)
    exists = await session.scalar(select(Conversation.id).where(Conversation.id == conversation_id).with_for_update())
    if exists is None:
        raise LookupError(f"Conversation {conversation_id} was deleted while its recording was processed.")
    people = _participants(transcript)
    identities = await _identify(session, people, policy.voice.speaker_threshold)
    speaker_of = {person.label: speaker for person, (speaker, _) in zip(people, identities, strict=True)}
    elsewhere = await segment_reassignment.find(session, transcript, people, speaker_of, policy.voice.speaker_threshold)
    former = await _delete(session, conversation_id)
    ids: dict[str, int] = {}
    nobody: list[Identity] = [(None, None)] * len(elsewhere.outliers)
    for person, (speaker_id, confidence) in zip([*people, *elsewhere.outliers], [*identities, *nobody], strict=True):
        # A handful, one by one: their order gives those who stay nameless their letters.
        values = {
            "conversation_id": conversation_id,
            "label": person.label,
            "speech": person.speech,
            "vector": person.voiceprint and person.voiceprint.vector,
            "model": person.voiceprint and person.voiceprint.model,
            "speaker_id": speaker_id,
            "confidence": confidence,
        }
        created = await session.execute(insert(ParticipantRow).values(values).returning(ParticipantRow.id))
        ids[person.label] = created.scalar_one()
    place: dict[str, dict[str, Any]] = {
        label: {"conversation_id": conversation_id, "participant_id": id_} for label, id_ in ids.items()
    }
    for batch in _batches(list(enumerate(transcript.segments))):
        await session.execute(insert(SEGMENTS), [place[s.speaker] | {"position": i} | _segment(s) for i, s in batch])
    for turns in _batches(transcript.turns):
        await session.execute(insert(TURNS), [place[t.speaker] | {"start": t.start, "end": t.end} for t in turns])
    left = {transcript.segments[number].speaker for number in elsewhere.homes}
    await _move(session, conversation_id, elsewhere.homes, left, ids)
    await _absorb(session, policy, people, identities)
    await speakers.delete_orphaned(session, former)
    for speaker_id in sorted(await emotion_refresh.those_profiled(session, former)):
        await emotions.recompute(session, speaker_id)
    await emotions.redetect(session, settings=policy.voice, conversation_id=conversation_id, personalized=policy.personalized)
    await conversations.complete(session, conversation_id, transcript.duration, transcript.language)


def _participants(transcript: Transcript) -> list[Participant]:
    """Those of the transcript, and after them the voices that the diarizer heard but who say no words."""
    people = {person.label: person for person in transcript.participants}
    if unknown := {segment.speaker for segment in transcript.segments} - people.keys():
        raise ValueError(f"The transcript has segments of {', '.join(sorted(unknown))}, who are not among its participants.")
    for label in sorted({turn.speaker for turn in transcript.turns} - people.keys()):
        speech = sum(turn.end - turn.start for turn in transcript.turns if turn.speaker == label)
        people[label] = Participant(label, speech, None)
    return list(people.values())


async def _identify(session: AsyncSession, people: Sequence[Participant], threshold: float) -> list[Identity]:
    prints = [person.voiceprint for person in people if person.voiceprint is not None]
    if not prints:
        return [(None, None)] * len(people)
    if len({(voice.model, voice.vector.shape) for voice in prints}) > 1:
        raise ValueError("The voiceprints of a transcript must come from one embedding model.")
    vectors = np.stack([voice.vector for voice in prints])
    matches = iter(await references.match(session, vectors, prints[0].model, threshold))
    identities: list[Identity] = []
    for person in people:
        if person.voiceprint is None:
            identities.append((None, None))
        elif (found := next(matches)) is not None:
            identities.append((found.speaker_id, found.similarity))
        else:
            identities.append((await speakers.create_unknown(session), None))
    return identities


async def _move(
    session: AsyncSession, conversation_id: int, homes: Mapping[int, str | Match], left: Iterable[str], ids: Mapping[str, int]
) -> None:
    """Give lines, by number, to participants of their own; `left` are the labels of those they leave."""
    there: dict[str | int, int] = {}
    for number, home in homes.items():
        similarity = None
        if isinstance(home, str):
            there[home] = goes_to = ids[home]
        else:
            who, similarity = home.speaker_id, home.similarity
            if who not in there:
                found = await participants.of_speaker(session, conversation_id, who)
                # No reference: it was recognised from single lines, which is not enough to recognise others by.
                there[who] = found or await participants.add(session, conversation_id, who, enrolled=False)
            goes_to = there[who]
        line = update(SegmentRow).where(SegmentRow.conversation_id == conversation_id, SegmentRow.position == number)
        await session.execute(line.values(participant_id=goes_to, confidence=similarity))
    await participants.recompute(session, sorted({*there.values(), *(ids[label] for label in left)}))


async def _absorb(
    session: AsyncSession, policy: IdentityPolicy, people: Sequence[Participant], identities: Sequence[Identity]
) -> None:
    """Let unknown speakers become those whom these voices, which were recognised, show them to be."""
    heard = [
        person.voiceprint.vector
        for person, (_, similarity) in zip(people, identities, strict=True)
        if person.voiceprint is not None and similarity is not None and person.voiceprint.model == policy.model
    ]
    edit = SpeakerChange(session)
    await merge_matching(edit, policy, heard)
    await edit.save()


async def _delete(session: AsyncSession, conversation_id: int) -> set[int]:
    """Delete the former transcript; returns the speakers who were in it."""
    former = (
        delete(ParticipantRow).where(ParticipantRow.conversation_id == conversation_id).returning(ParticipantRow.speaker_id)
    )
    return {speaker for speaker in await session.scalars(former) if speaker is not None}


def _segment(segment: Segment) -> dict[str, Any]:
    emotion = segment.emotion
    return {
        "start_offset": segment.start,
        "end_offset": segment.end,
        "text": segment.text.replace("\0", ""),
        "words": [
            {"word": word.text.replace("\0", ""), "start": word.start, "end": word.end, "probability": word.probability}
            for word in segment.words
        ],
        "avg_logprob": segment.avg_logprob,
        "overlap": segment.overlap,
        "emotion_category": emotion and emotion.label,
        "emotion_confidence": emotion and min(emotion.confidence, 1.0),  # float32 softmax may end a hair above
        "emotion_scores": emotion and dict(emotion.scores),
        "emotion_vector": emotion and emotion.vector,
        "emotion_model": emotion and emotion.model,
        "voice_vector": segment.voice and segment.voice.vector,
        "voice_model": segment.voice and segment.voice.model,
    }


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
