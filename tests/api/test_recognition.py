"""Recognition of enrolled speakers in uploads, with thresholds from settings, profiles and the reference system."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.stages import Stages
from pipeline.types import Samples, Span, Vector, Voiceprint
from settings import Settings
from storage.postgres.database import Database
from tests.storage.legacy import as_bytes, legacy_file
from tests.storage.transcripts import voice
from tests.support.application import Application, running
from tests.support.fixed_stages import FixedStages, sound

MODEL = "wespeaker-resnet34"
OWN = 0.53
ALICE = voice(1)


def like_alice(cosine: float, seed: int) -> Vector:
    """A voice at the given cosine similarity to Alice's; those of two seeds have nothing else in common."""
    other = voice(seed)
    other -= (other @ ALICE) * ALICE
    turned: Vector = (cosine * ALICE + (1 - cosine**2) ** 0.5 * other / np.linalg.norm(other)).astype(np.float32)
    return turned


def between(to_alice: float, other: Vector, to_other: float) -> Vector:
    """A voice at the given cosine similarities to Alice's and to another one."""
    basis = np.linalg.qr(np.stack([ALICE, other, voice(30)], axis=1).astype(np.float64))[0]
    known = np.linalg.solve((basis.T @ np.stack([ALICE, other], axis=1))[:2].T, [to_alice, to_other])
    found: Vector = (basis @ [*known, (1 - known @ known) ** 0.5]).astype(np.float32)
    return found


STRANGERS = [like_alice(cosine, 10 + seed) for seed, cosine in enumerate((0.31, 0.38, 0.52))]


class Hearing(FixedStages):
    """Stages that return the vector `person` as the voice in every recording."""

    def __init__(self, person: Vector) -> None:
        self.person = person

    async def embed(self, audio: Samples, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(self.person, MODEL)

    async def embed_each(self, audio: Samples, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(self.person, MODEL) for _ in spans]


class House:
    """A running application in which Alice is enrolled."""

    def __init__(self, application: Application, stages: Hearing) -> None:
        self.client = application.client
        self._stages = stages

    async def upload(self, person: Vector) -> int:
        """The conversation of a recording in which the person speaks."""
        self._stages.person = person
        answer = await self.client.post("/process", files={"audio_file": ("talk.wav", sound())})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])

    async def speakers(self, conversation: int) -> set[str]:
        found: dict[str, Any] = (await self.client.get(f"/conversations/{conversation}")).json()
        assert found["segments"]
        return {segment["speaker_name"] for segment in found["segments"]}

    async def named(self, person: Vector) -> str:
        """The speaker of a recording in which the person speaks."""
        (name,) = await self.speakers(await self.upload(person))
        return name

    async def settings(self) -> tuple[float, str | None]:
        """The threshold in force, and the warning."""
        found = (await self.client.get("/settings/voice")).json()
        return found["speaker_threshold"], found.get("warning")

    async def restore(self, filename: str) -> dict[str, Any]:
        restored = await self.client.post("/profiles/restore", params={"filename": filename})
        assert restored.status_code == 200, restored.text
        found: dict[str, Any] = restored.json()
        return found


@asynccontextmanager
async def opened(url: str, directory: Path, **settings: Any) -> AsyncIterator[House]:
    stages = Hearing(ALICE)
    async with running(Settings(**settings), url, directory, Stages(stages, stages, stages, stages), MODEL) as application:
        house = House(application, stages)
        enrolled = await house.client.post(
            "/speakers/enroll", data={"name": "Alice"}, files={"audio_file": ("alice.wav", sound())}
        )
        assert enrolled.status_code == 200, enrolled.text
        yield house


@pytest.fixture
async def house(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database_url, tmp_path) as house:
        yield house


async def test_a_threshold_of_the_reference_system_names_no_stranger(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEAKER_THRESHOLD", "0.30")
    async with opened(database_url, tmp_path) as house:
        names = [await house.named(stranger) for stranger in STRANGERS]
        assert all(name.startswith("Unknown_") for name in names), names
        assert await house.named(like_alice(0.6, 20)) == "Alice"
        threshold, warning = await house.settings()
        assert threshold == OWN
        assert warning is not None
        assert "SPEAKER_THRESHOLD=0.3 is not used" in warning
        reset = (await house.client.post("/settings/voice/reset")).json()
        assert (reset["speaker_threshold"], reset["warning"]) == (OWN, warning)


async def test_a_low_threshold_is_used_where_its_model_is_named(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEAKER_THRESHOLD", "0.30")
    monkeypatch.setenv("SPEAKER_THRESHOLD_MODEL", MODEL)
    async with opened(database_url, tmp_path) as house:
        assert await house.settings() == (0.3, None)
        assert await house.named(STRANGERS[1]) == "Alice"


async def test_a_threshold_of_the_reference_system_is_refused_unless_the_model_is_named(house: House) -> None:
    refused = await house.client.post("/settings/voice", json={"speaker_threshold": 0.3, "silence_duration": 2.0})
    assert refused.status_code == 400
    detail = refused.json()["detail"]
    assert detail.startswith("Invalid settings: speaker_threshold: 0.3 is too low for wespeaker-resnet34")
    assert '"embedding_model": "wespeaker-resnet34"' in detail
    assert (await house.client.get("/settings/voice")).json()["silence_duration"] == 0.5, "all of it or nothing"
    assert (await house.named(STRANGERS[1])).startswith("Unknown_")

    other = {"speaker_threshold": 0.3, "embedding_model": "pyannote/embedding"}
    refused = await house.client.post("/settings/voice", json=other)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Invalid settings: embedding_model: wespeaker-resnet34 is running")
    alone = await house.client.post("/settings/voice", json={"embedding_model": MODEL})
    assert (alone.status_code, alone.json()["detail"]) == (400, "No settings provided to update")
    assert await house.settings() == (OWN, None)

    taken = await house.client.post("/settings/voice", json={"speaker_threshold": 0.3, "embedding_model": MODEL})
    assert taken.status_code == 200
    assert taken.json()["speaker_threshold"] == 0.3
    assert "low for wespeaker-resnet34" in taken.json()["warning"]
    assert await house.named(like_alice(0.4, 20)) == "Alice", "as it was asked for"


async def test_a_profile_of_the_reference_system_does_not_bring_its_threshold(house: House) -> None:
    file = legacy_file()
    assert file["settings"]["speaker_threshold"] == 0.3
    imported = await house.client.post("/profiles/import", files={"file": ("home.json", as_bytes(file))})
    assert imported.status_code == 200, imported.text
    restored = await house.restore(imported.json()["filename"])
    assert "0.3 belongs to pyannote/embedding" in restored["settings_warning"]
    assert await house.settings() == (OWN, None)


async def test_a_profile_with_a_low_threshold_says_so_when_it_is_restored(house: House) -> None:
    low = {"speaker_threshold": 0.3, "embedding_model": MODEL}
    assert (await house.client.post("/settings/voice", json=low)).status_code == 200
    assert (await house.client.post("/profiles", json={"name": "low"})).status_code == 200
    await house.client.post("/settings/voice/reset")
    restored = await house.restore("profile_low.json")
    threshold, warning = await house.settings()
    assert threshold == 0.3
    assert warning is not None
    assert warning in restored["settings_warning"]


POOR = like_alice(0.48, 20)
CLEAN = between(0.81, POOR, 0.86)


async def test_a_poor_recording_does_not_hide_an_enrolled_speaker_from_the_next_one(house: House) -> None:
    poor = await house.upload(POOR)
    assert await house.speakers(poor) == {"Unknown_01"}
    clean = await house.upload(CLEAN)
    assert await house.speakers(clean) == {"Alice"}
    assert await house.speakers(poor) == {"Alice"}, "whom the second recording shows it to be"
    listed = (await house.client.get("/speakers")).json()
    assert [speaker["name"] for speaker in listed] == ["Alice"]


@pytest.mark.parametrize(("to_alice", "to_unknown"), [(0.66, 0.86), (0.75, 0.9)])
async def test_an_unknown_speaker_goes_first_where_the_evidence_is_clear(
    house: House, to_alice: float, to_unknown: float
) -> None:
    assert await house.named(POOR) == "Unknown_01"
    assert await house.named(between(to_alice, POOR, to_unknown)) == "Unknown_01"
    assert await house.named(like_alice(0.9, 21)) == "Alice"


async def test_a_speaker_that_a_person_separated_from_an_enrolled_one_stays_apart(house: House) -> None:
    poor, clean = await house.upload(POOR), await house.upload(CLEAN)
    assert await house.speakers(poor) == {"Alice"}
    assert (await house.client.post("/speakers/undo")).status_code == 200
    assert await house.speakers(poor) == {"Unknown_01"}
    assert (await house.client.delete(f"/conversations/{clean}")).is_success
    assert await house.named(CLEAN) == "Unknown_01", "closer, and not Alice, as somebody said"


async def test_enrolling_says_how_surely_the_voice_is_recognised(house: House) -> None:
    async def add() -> dict[str, Any]:
        files = {"audio_file": ("more.wav", sound())}
        answer: dict[str, Any] = (await house.client.post("/speakers/1/samples", files=files)).json()
        assert answer["name"] == "Alice"
        return {key: answer[key] for key in ("samples", "certainty", "advice")}

    assert await add() == {
        "samples": 2,
        "certainty": "fair",
        "advice": "Add one more sample: with three even short segments are recognised.",
    }
    assert await add() == {"samples": 3, "certainty": "good", "advice": None}
    await house.upload(voice(9))  # the next sample is of that person, too
    assert (await add())["certainty"] == "low"
