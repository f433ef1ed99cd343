"""Stored changes of speakers: JSON that earlier versions wrote stays readable, and can be undone."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select, update

from services.identity import undo
from storage.postgres.database import Database
from storage.speakers import change_steps
from storage.speakers.change_steps import ChangeRecord, VoiceprintCopy
from storage.tables import EmotionProfile, IdentityChange, ParticipantRow, Speaker, VoiceprintRow
from tests.storage.people import keep, names, talk
from tests.storage.transcripts import read_rules, voice

ADA = {
    "id": 3,
    "name": "Ada",
    "created_at": "2026-11-28T21:30:12.656015+00:00",
    "updated_at": "2026-11-28T21:30:12.656015+00:00",
    "emotion_threshold": None,
}
VOICEPRINT = {
    "id": 7,
    "model": "test-embedder",
    "source": "enrolled",
    "vector": "[0.7900262,0.37291884,-0.4866109]",
    "created_at": "2026-11-28T21:30:12.656015+00:00",
    "speaker_id": 3,
}
SAD = {
    "id": 9,
    "model": "test-emotion",
    "vector": "[0.25,0.5,1]",
    "created_at": "2026-11-28T21:30:13.934499+00:00",
    "speaker_id": 3,
    "updated_at": "2026-11-28T21:30:14.785502+00:00",
    "voice_model": "test-embedder",
    "sample_count": 1,
    "voice_vector": "[0.36353657,0.86429954,0.3476026]",
    "imported_count": 3,
    "imported_vector": "[1,0,0.1]",
    "voice_threshold": None,
    "emotion_category": "sad",
    "voice_sample_count": 1,
    "confidence_threshold": 0.75,
    "imported_voice_count": 0,
    "imported_voice_vector": None,
}
PARTICIPANTS = [
    {
        "id": 1,
        "label": "SPEAKER_00",
        "model": "test-embedder",
        "speech": 10,
        "vector": "[0.36353657,0.86429954,0.3476026]",
        "enrolled": True,
        "confidence": None,
        "speaker_id": 1,
        "conversation_id": 1,
    },
    {
        "id": 5,
        "label": "SPEAKER_03",
        "model": None,
        "speech": 0,
        "vector": None,
        "enrolled": False,
        "confidence": 0.625,
        "speaker_id": None,
        "conversation_id": 1,
    },
]
OLD_STEPS: dict[str, list[dict[str, Any]]] = {
    "create": [{"do": "create", "speaker": 3}],
    "rename": [{"do": "rename", "to": "Bob", "from": "Unknown_01", "speaker": 1}],
    "give": [
        {"do": "give", "to": 3, "from": 2, "participants": [2, 4]},
        {"do": "give", "to": None, "from": 3, "participants": [2]},
        {"do": "give", "to": 3, "from": None, "participants": [2]},
    ],
    "enroll": [{"do": "enroll", "to": False, "participants": [2, 4]}],
    "add_sample": [{"do": "add_sample", "voiceprint": 1}],
    "give_samples": [{"do": "give_samples", "to": 3, "from": 2, "voiceprints": [1, 2]}],
    "profiles": [{"do": "profiles", "rows": [], "speaker": 3}, {"do": "profiles", "rows": [SAD], "speaker": 3}],
    "remove": [{"do": "remove", "rows": {"voiceprints": [VOICEPRINT], "emotion_profiles": [SAD]}, "speakers": [ADA]}],
    "add": [{"do": "add", "participant": 5}],
    "move": [{"do": "move", "to": 5, "from": 1, "rows": PARTICIPANTS, "segment": 1}],
    "confirm": [
        {"do": "confirm", "rows": [], "segment": 2, "confidence": None, "is_misidentified": False},
        {"do": "confirm", "rows": PARTICIPANTS[:1], "segment": 1, "confidence": 0.5, "is_misidentified": True},
    ],
}
"""As the first version wrote them, without a version number."""


LATER = {"speech_seconds"}
"""Fields that the first version did not have."""


def plain(value: Any) -> Any:
    """JSON in one canonical form, where values may be written in two ways; without fields that are later and not known."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items() if key not in LATER or entry is not None}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, str) and value.startswith("["):
        return value.replace(".0,", ",").replace(".0]", "]")
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


@pytest.mark.parametrize("steps", OLD_STEPS.values(), ids=OLD_STEPS.keys())
def test_old_steps_are_read_and_written_again_as_they_were(steps: list[dict[str, Any]]) -> None:
    record = ChangeRecord.model_validate({"steps": steps, "merged": [[2, 3]]})
    written = record.model_dump(mode="json", by_alias=True)
    assert plain(written) == plain({"version": 1, "steps": steps, "merged": [[2, 3]]})


def test_there_is_an_old_form_of_every_step() -> None:
    (union,) = (field.annotation for name, field in ChangeRecord.model_fields.items() if name == "steps")
    kinds = {kind.model_fields["do"].default for kind in change_steps.__dict__.values() if _is_step(kind)}
    assert kinds == OLD_STEPS.keys(), union


def _is_step(kind: object) -> bool:
    return isinstance(kind, type) and "do" in getattr(kind, "model_fields", {})


unreadable = pytest.mark.parametrize(
    "before",
    [
        {"steps": [{"do": "back", "speaker": 1}], "merged": []},
        {"steps": [{"do": "create", "speaker": 1, "also": True}], "merged": []},
        {"version": 2, "steps": [], "merged": []},
    ],
    ids=["unknown step", "unknown field", "later version"],
)


@unreadable
def test_what_is_not_understood_in_full_is_refused(before: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChangeRecord.model_validate(before)


def test_a_vector_keeps_every_bit() -> None:
    bits = np.random.default_rng(5).integers(0, 2**32, 10_000, dtype=np.uint32).view(np.float32)
    vector = bits[np.isfinite(bits)]
    copy = VoiceprintCopy.model_validate(VOICEPRINT | {"vector": vector})
    read = VoiceprintCopy.model_validate_json(copy.model_dump_json())
    assert read.vector.tobytes() == vector.tobytes()


async def test_an_old_deletion_can_be_undone(database: Database) -> None:
    conversation = await keep(database, talk([voice(1, 3), voice(2, 3)]))
    async with database.session() as session:
        steps = [{"do": "give", "to": None, "from": 3, "participants": [2]}, *OLD_STEPS["remove"]]
        before = {"steps": steps, "merged": []}
        await session.execute(update(ParticipantRow).where(ParticipantRow.id == 2).values(voice_id=None))
        await session.execute(insert(IdentityChange).values(description="Ada was deleted", before=before))
    async with database.session() as session:
        assert (await undo.undo(session, read_rules)).description == "Ada was deleted"
    assert await names(database, conversation) == ["Unknown_01", "Ada"] * 2
    async with database.session() as session:
        speaker = (await session.scalars(select(Speaker).where(Speaker.id == 3))).one()
        (sample,) = (await session.scalars(select(VoiceprintRow))).all()
        (profile,) = (await session.scalars(select(EmotionProfile))).all()
    assert speaker.created_at.isoformat() == ADA["created_at"]
    assert (sample.id, sample.source, sample.model) == (7, "enrolled", "test-embedder")
    assert sample.vector.tobytes() == np.array([0.7900262, 0.37291884, -0.4866109], np.float32).tobytes()
    assert (profile.emotion_category, profile.confidence_threshold, profile.imported_count) == ("sad", 0.75, 3)


@unreadable
async def test_an_unreadable_change_is_listed_but_cannot_be_undone(database: Database, before: dict[str, Any]) -> None:
    async with database.session() as session:
        await session.execute(insert(IdentityChange).values(description="Ada was deleted", before=before))
    async with database.session() as session:
        with pytest.raises(undo.UndoError, match="another version of this program"):
            await undo.undo(session, read_rules)
    async with database.session() as session:
        assert [(change.description, change.undone_at) for change in await undo.history(session)] == [("Ada was deleted", None)]
