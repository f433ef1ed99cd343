"""After a speaker is erased, no file of the installation contains the names or the vectors, and nothing brings them back."""

from typing import Any

from sqlalchemy import select

from storage.tables import Backup
from tests.api.erasure.conftest import Installation
from tests.storage.archive import add_speaker
from tests.storage.transcripts import voice
from tests.support.fixed_stages import sound
from tests.support.traces import name_forms, vector_forms

PERSON = "Zoë Qvist"
FORMER = "Xaver Qvist"
NAMES = [form for name in (PERSON, FORMER) for form in (*name_forms(name), name.lower().encode())]
VOICE = vector_forms(voice(1))
SOUNDS = vector_forms(voice(5, 64))


async def test_nothing_of_a_speaker_is_left(installation: Installation) -> None:
    client = installation.application.client
    speaker, talk = await known_person(installation)
    assert {"speakers", "uq_speakers_name_key", "backups", "identity_changes", "labels"} <= await installation.traces(NAMES)
    (line,) = (await ok(installation, "GET", f"/conversations/{talk}"))["segments"]
    await ok(installation, "POST", f"/conversations/{talk}/segments/{line['id']}/split", json={"word": 1})
    await ok(installation, "POST", f"/conversations/{talk}/undo")
    everywhere = {"voiceprints", "participants", "segments", "backups", "identity_changes", "transcript_changes"}
    assert everywhere <= await installation.traces(VOICE)
    assert {"segments", "emotion_profiles", "backups", "identity_changes"} <= await installation.traces(SOUNDS)

    answer = await ok(installation, "POST", f"/speakers/{speaker}/erase")
    assert answer == {
        "message": f"Speaker {speaker} erased", "pending": [], "deleted_backups": [], "conversation_ids": [talk],
    }  # fmt: skip
    for forms in (NAMES, VOICE, SOUNDS):
        assert await installation.traces(forms) == set()

    # The text stays. Its speaker is unknown.
    (line,) = (await ok(installation, "GET", f"/conversations/{talk}"))["segments"]
    assert (line["text"], line["speaker_name"], line["speaker_id"]) == ("The parrot is dead.", "Unknown_A", None)
    # Bob and what was done to him stay.
    assert [one["name"] for one in await ok(installation, "GET", "/speakers")] == ["Robert"]
    changes = await ok(installation, "GET", "/speakers/changes")
    assert [change["description"] for change in changes] == ["Bob was renamed to Robert"]
    assert (await client.post("/speakers/undo")).status_code == 200
    assert (await client.post("/speakers/undo")).status_code == 409
    for filename in await filenames(installation):
        await ok(installation, "POST", "/profiles/restore", params={"filename": filename})
        (line,) = (await ok(installation, "GET", f"/conversations/{talk}"))["segments"]
        assert line["speaker_id"] is None
        assert {one["name"] for one in await ok(installation, "GET", "/speakers")} <= {"Bob", "Robert"}
    await ok(installation, "POST", f"/conversations/{talk}/rematch")
    for forms in (NAMES, VOICE, SOUNDS):
        assert await installation.traces(forms) == set()
    assert (await client.post(f"/speakers/{speaker}/erase")).status_code == 404
    await ok(installation, "POST", f"/conversations/{talk}/erase")


async def test_a_speaker_that_was_deleted_before_is_erased(installation: Installation) -> None:
    client = installation.application.client
    speaker, talk = await known_person(installation)
    await ok(installation, "DELETE", f"/speakers/{speaker}")
    assert await installation.traces(VOICE)
    assert (await client.post("/speakers/999999/erase")).status_code == 404
    await ok(installation, "POST", f"/speakers/{speaker}/erase")
    for forms in (NAMES, VOICE, SOUNDS):
        assert await installation.traces(forms) == set()
    await ok(installation, "POST", f"/conversations/{talk}/erase")


async def known_person(installation: Installation) -> tuple[int, int]:
    """Enroll and identify a person, who is in the history, in profiles and in labels; returns the ids of the speaker and of a
    conversation. Another speaker, Bob, is named Robert."""
    await clear(installation)
    client = installation.application.client
    answer = await client.post("/process", files={"audio_file": ("talk.wav", sound())})
    assert answer.status_code == 200, answer.text
    talk, (line,) = answer.json()["id"], answer.json()["segments"]
    place = f"/conversations/{talk}/segments/{line['id']}"
    unknown = line["speaker_id"]
    await ok(installation, "POST", "/profiles/duplicate", json={"name": "unknown voice"})
    sample = {"audio_file": ("sample.wav", sound(12.0))}
    enrolled = await ok(installation, "POST", "/speakers/enroll", data={"name": FORMER}, files=sample)
    speaker = enrolled["id"]
    assert speaker != unknown  # the unknown speaker was merged
    await ok(installation, "POST", "/profiles/duplicate", json={"name": "former"})
    await ok(installation, "PATCH", f"/speakers/{speaker}/rename", json={"new_name": PERSON})
    bob = await ok(installation, "POST", f"{place}/reassign", json={"speaker_name": "Bob"})
    await ok(installation, "POST", "/speakers/undo")
    assert bob["speaker_name"] == "Bob"
    await ok(installation, "POST", f"{place}/correct-emotion", json={"emotion": "happy"})
    await ok(
        installation, "PUT", f"{place}/label", json={"speaker_name": PERSON, "labeled_by": PERSON, "notes": "surely Zoë Qvist"}
    )
    await ok(installation, "DELETE", f"/speakers/{speaker}")
    await ok(installation, "POST", "/speakers/undo")
    await add_robert(installation)
    await ok(installation, "POST", "/profiles/duplicate", json={"name": "present"})
    await ok(installation, "POST", "/profiles/present/checkpoints")
    await ok(installation, "POST", "/profiles/restore", params={"filename": "profile_present.json"})
    await ok(installation, "DELETE", f"/speakers/{speaker}")
    await ok(installation, "POST", "/speakers/undo")
    await ok(installation, "PATCH", f"/speakers/{speaker}/rename", json={"new_name": FORMER})
    await ok(installation, "PATCH", f"/speakers/{speaker}/rename", json={"new_name": PERSON})
    (robert,) = [one for one in await ok(installation, "GET", "/speakers") if one["name"] == "Bob"]
    await ok(installation, "PATCH", f"/speakers/{robert['id']}/rename", json={"new_name": "Robert"})
    return speaker, talk


async def add_robert(installation: Installation) -> None:
    """A speaker with another voice."""
    async with installation.database.session() as session:
        await add_speaker(session, "Bob", 77)


async def clear(installation: Installation) -> None:
    """Remove what another test left."""
    for one in await ok(installation, "GET", "/speakers"):
        await ok(installation, "POST", f"/speakers/{one['id']}/erase")
    for profile in (await ok(installation, "GET", "/profiles"))["profiles"]:
        await ok(installation, "DELETE", f"/profiles/{profile['name']}")


async def filenames(installation: Installation) -> list[str]:
    async with installation.database.session() as session:
        return list(await session.scalars(select(Backup.filename).order_by(Backup.id)))


async def ok(installation: Installation, method: str, path: str, **options: Any) -> Any:
    """The answer to a request that succeeds."""
    answer = await installation.application.client.request(method, path, **options)
    assert answer.is_success, answer.text
    return answer.json()
