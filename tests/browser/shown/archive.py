"""An archive as a person would have it: named and unnamed voices, emotions, tags, doubtful words, notes, work in progress."""

import itertools
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.policy import IdentityPolicy
from pipeline.process import LAST_STAGE
from pipeline.types import Emotion, Note, Participant, Segment, Transcript, Turn, Vector, Voiceprint, Word
from services.identity import identification, speaker_admin, transcripts
from storage import vocabulary
from storage.audio import AudioStore
from storage.backups import backups
from storage.backups.snapshots import Running
from storage.conversations import conversations, segments, tags
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import JobRow
from storage.vocabulary import StoredVocabulary
from tests.browser.conftest import SETTINGS
from tests.browser.shown import talks
from tests.browser.shown.talks import Said
from tests.storage.transcripts import VOICE, near, voice
from vivavoce.sample import recording

MODEL, EMOTION_MODEL = "wespeaker-resnet34", "whisper-encoder-emotion-2"
RULES = IdentityPolicy(MODEL, VOICE)
ENROLLED = ("Ben Stone", "Priya Nair", "Nick Okafor", "Bill Baxley", "Jonas Weber", "Mira Yıldız")
IDENTIFIED = ("Ana Lima", "Diane Wells", "Sheila Cruz", "Tom Lima")
"""Who were named in a conversation, the first one in which they speak."""
SIMILAR = "Unknown_02", "Tom Lima", 0.47
"""A voice, the similar voice, and their similarity: too little to be recognised, enough to be suggested."""
PLANNING = 1
"""The conversation that has the most to see."""
WORD_S, PAUSE_S, OVERLAP_S = 0.34, 0.5, 0.4
SPEECH_S = 7.0, 29.0
"""A part of the sample in which people speak all the time."""
RATE = 16_000


@dataclass(frozen=True, slots=True)
class Talk:
    title: str
    text: str
    ago: timedelta
    tags: tuple[str, ...] = ()
    seconds: float | None = None
    """It is drawn out to this length."""
    begins: float = 0.6
    language: str = "en"


TALKS = (
    Talk("Weekly planning: hiring, the March budget", talks.PLANNING, timedelta(hours=2), ("planning", "team")),
    Talk("Two callers find they are both from Chicago", talks.CALLERS, timedelta(hours=5), ("sample",), begins=6.8),
    Talk("Support call: invoice sent twice", talks.SUPPORT, timedelta(days=1, hours=1), ("support",), 400),
    Talk("Interview with Bill Baxley", talks.INTERVIEW, timedelta(days=4), ("river", "interview"), 4562),
    Talk("Kitchen table", talks.KITCHEN, timedelta(days=6), (), 775),
    Talk("Wochenstart: Lager und Lieferungen", talks.WAREHOUSE, timedelta(days=8), ("team",), 1460, language="de"),
)
HOTWORDS = StoredVocabulary(("Harkness", "Okafor", "Yıldız", "pgvector"), include_speaker_names=True)
NOTES = (Note("left_out", "Music was left out.", 96.0, 99.5),)


async def fill(database: Database, directory: Path) -> None:
    store = AudioStore(str(directory))
    sound = directory.parent / "planning.wav"
    _write_sound(_placed(TALKS[0]), sound)
    key = await store.put(sound, ".wav")
    sound.unlink()
    call = await store.put(recording(), recording().suffix)
    async with database.session() as session:
        for name in ENROLLED:
            await speaker_admin.enroll(session, RULES, name, Voiceprint(voice_of(name), MODEL))
    for number, talk in enumerate(TALKS):
        async with database.session() as session:
            await _add(session, talk, call if talk.text is talks.CALLERS else key, NOTES if number == 0 else ())
    async with database.session() as session:
        await _add_work(session)
        await vocabulary.replace(session, HOTWORDS)
        await backups.create(session, Running(SETTINGS, MODEL), "Office", "Before the move", empty=False)


def voice_of(name: str) -> Vector:
    """The voice of a person, in every conversation."""
    if name == SIMILAR[0]:
        return near(voice_of(SIMILAR[1]), SIMILAR[2])
    return voice(zlib.crc32(name.encode()))


async def _add(session: AsyncSession, talk: Talk, key: str, notes: Sequence[Note]) -> None:
    begun = datetime.now(UTC) - talk.ago
    id_ = await conversations.create(session, talk.title, key, "flac", start_time=begun)
    await transcripts.save(session, id_, _transcript(talk, notes), RULES)
    for segment, line in zip(await segments.of_conversation(session, id_), talks.read(talk.text), strict=False):
        if line.who in IDENTIFIED and await speakers.find(session, line.who) is None:
            await identification.identify(session, RULES, id_, segment.id, speaker_name=line.who)
    await tags.replace(session, id_, talk.tags)


def _placed(talk: Talk) -> list[tuple[float, float, Said]]:
    """When each line begins and ends."""
    lines = talks.read(talk.text)
    if talk.seconds is not None:
        lines += _small_talk(lines)
    chance = random.Random(talk.title)
    placed, end = [], talk.begins
    for line in lines:
        start = max(talk.begins, end - OVERLAP_S if line.overlap else end + chance.uniform(0.2, 2) * PAUSE_S)
        length = len(line.words) * WORD_S if talk.seconds is None else chance.uniform(1, 12)
        end = start + length
        placed.append((start, end, line))
    scale = 1.0 if talk.seconds is None else talk.seconds / end
    return [(start * scale, end * scale, line) for start, end, line in placed]


def _small_talk(lines: Sequence[Said]) -> list[Said]:
    """More lines of the same speakers, for a long recording."""
    chance = random.Random(len(lines))
    people = sorted({line.who for line in lines})
    words = [tuple(text.split()) for text in talks.FILLERS.split(". ")]
    return [Said(chance.choice(people), chance.choice(words), frozenset(), "neutral", 0.9, overlap=False) for _ in range(32)]


def _transcript(talk: Talk, notes: Sequence[Note]) -> Transcript:
    segments = tuple(_segment(start, end, line, talk.language) for start, end, line in _placed(talk))
    spoken = {who: sum(one.end - one.start for one in segments if one.speaker == who) for who in _speakers(segments)}
    return Transcript(
        duration=segments[-1].end + 0.8,
        language=talk.language,
        segments=segments,
        participants=tuple(Participant(who, seconds, Voiceprint(voice_of(who), MODEL)) for who, seconds in spoken.items()),
        turns=tuple(Turn(one.start, one.end, one.speaker) for one in segments),
        notes=tuple(notes),
        hotwords=("Harkness",) if talk.text is talks.PLANNING else (),
    )


def _speakers(segments: Sequence[Segment]) -> list[str]:
    return list(dict.fromkeys(one.speaker for one in segments))


def _segment(start: float, end: float, line: Said, language: str) -> Segment:
    each = (end - start) / len(line.words)
    words = tuple(
        Word(f" {word}", start + i * each, start + (i + 0.9) * each, 0.31 if i in line.doubtful else 0.94)
        for i, word in enumerate(line.words)
    )
    scores = {line.emotion: line.sure, "other": 1 - line.sure}
    emotion = Emotion(line.emotion, line.sure, scores, voice(len(line.words), 64), EMOTION_MODEL)
    heard = Voiceprint(voice_of(line.who), MODEL)
    return Segment(start, end, line.who, words, -0.2, line.overlap, language=language, emotion=emotion, voice=heard)


def _write_sound(placed: Sequence[tuple[float, float, Said]], path: Path) -> None:
    """Real speech in every segment, so that the waveform is one."""
    samples, rate = soundfile.read(recording(), dtype="float32")
    assert rate == RATE
    begin, end = (round(seconds * RATE) for seconds in SPEECH_S)
    speech = itertools.cycle(np.array_split(samples[begin:end], 40))
    sound = np.zeros(round((placed[-1][1] + 0.8) * RATE), np.float32)
    for start, stop, line in placed:
        at, length = round(start * RATE), round((stop - start) * RATE)
        piece = np.concatenate([next(speech) for _ in range(length // (len(samples[begin:end]) // 40) + 1)])[:length]
        sound[at : at + length] += piece * (0.5 + len(line.who) % 4 * 0.16)
    soundfile.write(path, np.clip(sound, -1, 1), RATE)


async def _add_work(session: AsyncSession) -> None:
    """A recording that is being processed, by a worker elsewhere, and one that could not be."""
    now = datetime.now(UTC)
    at_work = await conversations.create(session, "Uploaded: board-meeting.m4a", None, "flac", start_time=now)
    failed = await conversations.create(
        session, "Uploaded: voicemail-0423.amr", None, "flac", start_time=now - timedelta(days=2)
    )
    await conversations.set_progress(session, at_work, LAST_STAGE, 0.62)
    await conversations.fail(session, failed, "The file has no sound.")
    every = {"options": {}, "duration": 2_400.0, "attempts": 1, "due": now}
    begun = now - timedelta(minutes=5)
    lease = {"state": "running", "worker": "elsewhere", "lease_until": now + timedelta(hours=1), "started_at": begun}
    await session.execute(insert(JobRow).values(conversation_id=at_work, **every, **lease))
    ended = {"state": "failed", "error": "The file has no sound.", "finished_at": now}
    await session.execute(insert(JobRow).values(conversation_id=failed, **every, **ended))
