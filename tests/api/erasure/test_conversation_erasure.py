"""After a conversation is erased, no file of the installation contains its text, its voices or its sound."""

from typing import Any

from tests.api.erasure.conftest import Installation
from tests.storage.transcripts import voice
from tests.support.fixed_stages import sound
from tests.support.traces import name_forms, vector_forms

SPOKEN = name_forms("parrot")
VOICE = vector_forms(voice(1))
SOUNDS = vector_forms(voice(5, 64))


async def record(installation: Installation, title: str) -> int:
    """Process a recording; returns the conversation."""
    client = installation.application.client
    answer = await client.post("/process", files={"audio_file": (title, sound())}, params={"wait": "true"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def ok(installation: Installation, method: str, path: str, **options: Any) -> Any:
    answer = await installation.application.client.request(method, path, **options)
    assert answer.is_success, answer.text
    return answer.json()


async def test_nothing_of_a_conversation_is_left(installation: Installation) -> None:
    first = await record(installation, "The Zyxwvu file.wav")
    title, tag = name_forms("The Zyxwvu file"), name_forms("Qponm")
    await ok(installation, "PATCH", f"/conversations/{first}", json={"tags": ["Qponm"]})
    (line,) = (await installation.application.client.get(f"/conversations/{first}")).json()["segments"]
    corrected = {"emotion": "happy"}
    await ok(installation, "POST", f"/conversations/{first}/segments/{line['id']}/correct-emotion", json=corrected)
    named = {"speaker_name": "Ada"}
    await ok(installation, "POST", f"/conversations/{first}/segments/{line['id']}/identify", json=named)
    (ada,) = await ok(installation, "GET", "/speakers")
    await ok(installation, "DELETE", f"/speakers/{ada['id']}")
    await ok(installation, "POST", "/speakers/undo")
    await ok(installation, "POST", "/profiles/duplicate", json={"name": "kept"})
    await ok(installation, "POST", "/profiles/kept/checkpoints")
    await ok(installation, "PATCH", f"/conversations/{first}/segments/{line['id']}", json={"text": "My parrot is fine."})
    assert {"original_segments", "transcript_changes"} <= await installation.traces(SPOKEN)
    assert {"segments", "ix_segments_lexemes", "job_stages"} <= await installation.traces(SPOKEN)
    assert {"conversations"} <= await installation.traces(title)
    assert {"conversation_tags", "pk_conversation_tags"} <= await installation.traces(tag)
    assert {"participants", "segments", "backups", "job_stages"} <= await installation.traces(VOICE)
    assert {"segments", "emotion_profiles", "backups", "identity_changes"} <= await installation.traces(SOUNDS)

    answer = await ok(installation, "POST", f"/conversations/{first}/erase")
    assert answer == {"message": f"Conversation {first} erased", "pending": [], "deleted_backups": []}
    for forms in (SPOKEN, title, tag, VOICE, SOUNDS):
        assert await installation.traces(forms) == set()
    assert list((installation.directory / "audio").iterdir()) == []
    (speaker,) = await ok(installation, "GET", "/speakers")
    assert speaker["name"] == "Ada"
    restored = await ok(installation, "POST", "/profiles/restore", params={"filename": "profile_kept.json"})
    assert restored["speakers_restored"] == 1
    assert await installation.traces(VOICE) == set()
