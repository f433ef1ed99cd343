"""Any file that passes the checks of the format is restored, or refused with a sentence."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from pipeline.formats.profile_reader import NotAProfileError
from pipeline.types import EMOTIONS
from services.archive.restore import IncompatibleError, restore
from services.identity import corrections
from settings import Settings
from storage.backups import backups, imports
from storage.backups.snapshots import Running
from storage.postgres.database import Database
from storage.tables import Conversation, SegmentRow
from tests.storage.archive import EMOTION_MODEL, add_speaker, add_talk
from tests.storage.transcripts import MODEL

RUNNING = Running(Settings(speaker_threshold=0.5), MODEL)
SIZES = {MODEL: 256, EMOTION_MODEL: 64, "another voice": 2, "another emotion": 3}
VOICES, FEELINGS = (MODEL, "another voice"), (EMOTION_MODEL, "another emotion")
NAMES = ("Ada", "Bob", "Unknown_01", "Unknown_02", "Carol", "Unknown_A")
FILES = 25
"""Files of one test."""


class Files:
    """Random files about the people, participants, segments and conversations of an archive, and about others."""

    def __init__(self, seed: int, conversations: dict[int, str]) -> None:
        self.random = random.Random(seed)
        self.conversations = conversations

    def file(self) -> dict[str, Any]:
        header = {"version": self.random.choice([1, 2, 3, 3, 3]), "name": "home", "embedding_model": MODEL}
        return header | {
            "speakers": [self.speaker(id_, name) for id_, name in self.some(list(zip(range(1, 7), NAMES, strict=True)), 4)],
            "participants": [self.participant(id_) for id_ in self.some(range(1, 7), 5)],
            "segments": [self.segment() for _ in range(self.random.randrange(12))],
        }

    def maybe(self, *values: Any) -> Any:
        return self.random.choice([None, *values, *values])

    def some(self, values: Sequence[Any], most: int) -> list[Any]:
        return self.random.sample(values, self.random.randrange(most))

    def vector(self, model: str) -> list[float]:
        kind = self.random.randrange(8)
        if kind == 0:
            return [0.0] * SIZES[model]
        return [self.random.gauss(0, 1e30 / 100 if kind == 1 else 1) for _ in range(SIZES[model])]

    def speaker(self, id_: int, name: str) -> dict[str, Any]:
        return self.known(
            id=id_,
            name=name,
            emotion_threshold=self.maybe(0.0, 1.0),
            different_from=self.maybe(self.some(range(8), 5)),
            references=[self.reference(self.random.choice(VOICES)) for _ in range(self.random.randrange(3))],
            emotion_profiles=[self.profile(emotion) for emotion in self.some(EMOTIONS[:3], 3)],
        )

    def reference(self, model: str) -> dict[str, Any]:
        return {"vector": self.vector(model), "model": model, "source": self.random.choice(["enrolled", "imported", "other"])}

    def profile(self, emotion: str) -> dict[str, Any]:
        model, voice_model = self.random.choice(FEELINGS), self.random.choice(VOICES)
        imported, voices = self.random.choice([0, 0, 3]), self.random.choice([0, 0, 2])
        return self.known(
            emotion_category=emotion,
            embedding=self.vector(model),
            embedding_model=model,
            sample_count=self.random.randrange(1, 5),
            confidence_threshold=self.maybe(0.5),
            voice_embedding=self.maybe(self.vector(voice_model)),
            voice_embedding_model=voice_model,
            voice_sample_count=self.random.randrange(5),
            imported_vector=self.vector(model) if imported else None,
            imported_count=imported,
            imported_voice_vector=self.vector(voice_model) if voices else None,
            imported_voice_count=voices,
        )

    def place(self) -> dict[str, Any]:
        id_ = self.random.choice([*self.conversations, 77])
        uuids = [*self.conversations.values(), "6f1c0e0a-0000-4000-8000-000000000001"]
        return {"conversation_id": id_, "conversation_uuid": self.conversations.get(id_, self.random.choice(uuids))}

    def participant(self, id_: int) -> dict[str, Any]:
        model = self.maybe(*VOICES)
        return self.known(
            id=id_,
            **self.place(),
            label=self.random.choice(["SPEAKER_00", "SPEAKER_01", "other"]),
            speaker_id=self.maybe(1, 2, 3, 4),
            confidence=self.maybe(0.5, 1.0),
            enrolled=self.random.random() < 0.5,
            speech=self.random.choice([0.0, 3.0]),
            vector=model and self.vector(model),
            model=model,
        )

    def segment(self) -> dict[str, Any]:
        emotion = self.maybe(*EMOTIONS[:3])
        start, model, voice_model = self.random.choice([0.0, 2.0, 4.0, 6.0]), self.maybe(*FEELINGS), self.maybe(*VOICES)
        return self.known(
            id=self.random.randrange(1, 13),
            **self.place(),
            participant_id=self.maybe(*range(1, 7)),
            speaker_id=self.maybe(1, 2, 3, 4),
            speaker_name=self.maybe("Ada", "Bob"),
            is_misidentified=self.random.random() < 0.2,
            start_offset=start,
            end_offset=self.random.choice([0.0, start + 1.5]),
            confidence=self.maybe(0.9),
            emotion_category=emotion,
            emotion_confidence=self.maybe(0.7),
            emotion_corrected=self.random.random() < (0.8 if emotion else 0.02),
            emotion_misidentified=self.random.random() < 0.2,
            emotion_learned=self.random.random() < 0.8,
            emotion_vector=model and self.maybe(self.vector(model)),
            emotion_model=model,
            voice_vector=voice_model and self.maybe(self.vector(voice_model)),
            voice_model=voice_model,
        )

    def known(self, **values: Any) -> dict[str, Any]:
        """Fields without a value are null, or are left out."""
        return {name: value for name, value in values.items() if value is not None or self.random.random() < 0.5}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40))])
async def test_a_valid_file_is_restored_or_refused(database: Database, seed: int) -> None:
    async with database.session() as session:
        ada, bob = await add_speaker(session, "Ada", 1), await add_speaker(session, "Bob", 2)
        talks: list[list[int | None]] = [[ada, bob], [ada, None], [bob]]
        for number, talk in enumerate(talks):
            conversation = await add_talk(session, talk, seed=100 * number)
            segment = await session.scalar(select(func.min(SegmentRow.id)).where(SegmentRow.conversation_id == conversation))
            assert segment is not None
            await corrections.correct(session, conversation, segment, "sad", learn=True)
        rows = await session.execute(select(Conversation.id, Conversation.uuid))
        files = Files(seed, {row.id: str(row.uuid) for row in rows})
    restored = 0
    for _ in range(FILES):
        file = files.file()
        try:
            async with database.session() as session:
                await restore(session, RUNNING, await imports.import_file(session, json.dumps(file).encode()))
        except (IncompatibleError, NotAProfileError):
            continue
        restored += 1
        async with database.session() as session:  # the archive as it is now can be kept and restored, too
            await restore(session, RUNNING, await backups.create(session, RUNNING, f"kept {restored}", None))
    assert restored > FILES / 4
