"""Requests about speakers, emotions and profiles."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.reliability.answers.recorder import Recorder
from benchmarks.reliability.answers.scene import NOBODY, Scene

SEGMENT = "conversations/{conversation_id}/segments/{segment_id}"
EMOTION_ROUTES = ("speakers", "conversations/speakers")
"""The two addresses of emotion profiles."""


def state(scene: Scene) -> None:
    """Everything that can be read, after a group of changes."""
    recorder = scene.recorder
    for route in ("conversations", "speakers", "speakers/suggestions", "speakers/changes", "settings/voice", "profiles"):
        recorder.call("GET", route)
    for one in recorder.look("conversations?limit=1000")["conversations"]:
        recorder.call("GET", "conversations/{conversation_id}", conversation_id=one["id"])
    for one in recorder.look("speakers"):
        recorder.call("GET", "speakers/{speaker_id}", speaker_id=one["id"])
        recorder.call("GET", "speakers/{speaker_id}/emotion-profiles", speaker_id=one["id"])


def enroll(scene: Scene) -> None:
    recorder = scene.recorder
    for name, file in (
        *(("Ada", "ada1.flac"), ("Ben", "ben1.flac"), ("Ada", "ben1.flac"), ("", "ada1.flac"), ("x" * 300, "ada1.flac")),
        *(("Fay", "short.flac"), ("Fay", "silence.wav"), ("Fay", "call.flac"), ("Fay", "rubbish.mp3"), ("Fay", "empty.wav")),
    ):
        recorder.call("POST", "speakers/enroll", files=[scene.upload(file)], form={"name": name})


def _of(recorder: Recorder, title: str, name: str | None = None) -> list[dict[str, Any]]:
    """The values of the routes' parameters for the segments of a speaker, or all, in a conversation."""
    conversation = recorder.conversation(title)
    segments = recorder.segments(conversation)
    return [
        {"conversation_id": conversation, "segment_id": segment["id"]}
        for segment in segments
        if name is None or segment["speaker_name"] == name
    ]


def identify(scene: Scene) -> None:
    recorder = scene.recorder
    identify, reassign, mark = (f"{SEGMENT}/{act}" for act in ("identify", "reassign", "misidentified"))
    first, second = _of(recorder, "call.flac", "Unknown_01"), _of(recorder, "call.flac", "Unknown_02")
    meeting, other = _of(recorder, "meeting.flac"), _of(recorder, "cy1.flac")
    ada = recorder.speaker("Ada")
    recorder.call("POST", identify, json={"speaker_name": "Diane"}, **first[1])
    recorder.call("POST", identify, params={"speaker_name": " Sheila "}, **second[1])
    recorder.call("POST", identify, json={"speaker_id": ada}, **first[2])
    recorder.call("POST", identify, params={"speaker_name": "Ben", "enroll": False}, **meeting[0])
    recorder.call("POST", identify, json={"speaker_name": "Diane"}, **first[2])
    recorder.call("POST", identify, json={"speaker_name": "Diane"}, **first[3])
    for body in (
        {},
        {"speaker_name": "Gil", "enroll": False},
        {"speaker_id": NOBODY},
        {"speaker_name": "x" * 300},
        {"speaker_id": 0},
    ):
        for route in (identify, reassign):
            recorder.call("POST", route, json=body, **second[2])
    recorder.call("POST", identify, **second[2])
    recorder.call("POST", reassign, json={"speaker_name": "Eve"}, **second[2])
    recorder.call("POST", reassign, params={"speaker_name": "Diane"}, **meeting[1])
    recorder.call("POST", reassign, json={"speaker_id": ada, "enroll": False}, **other[0])
    recorder.call(
        "POST",
        identify,
        json={"speaker_name": "Diane"},
        conversation_id=meeting[0]["conversation_id"],
        segment_id=first[0]["segment_id"],
    )
    for wrong in (True, False, True):
        recorder.call("PATCH", mark, json={"is_misidentified": wrong}, **second[3])
    state(scene)


def speakers(scene: Scene) -> None:
    recorder = scene.recorder
    diane, sheila, ben = (recorder.speaker(name) for name in ("Diane", "Sheila", "Ben"))
    rename, merge = "speakers/{speaker_id}/rename", "speakers/{speaker_id}/merge"
    for name in ("Diana", "DIANA", "Sheila", " ", "x" * 300, 7, "Unknown_09", "Diane"):
        recorder.call("PATCH", rename, json={"new_name": name}, speaker_id=diane)
    for params in ({"limit": 1}, {"limit": 0}):
        recorder.call("GET", "speakers/suggestions", params=params)
    recorder.call("POST", merge, json={"into": ben}, speaker_id=sheila)
    for into in (ben, NOBODY):
        recorder.call("POST", merge, json={"into": into}, speaker_id=ben)
    state(scene)
    for _ in range(2):
        recorder.call("POST", "speakers/undo")
    recorder.call("PATCH", rename, json={"new_name": "Diane"}, speaker_id=diane)
    for one in (diane, recorder.speaker("Ada")):
        recorder.call("POST", "speakers/{speaker_id}/reembed", speaker_id=one)
    for one in (diane, recorder.speaker("Ada")):
        recorder.call("GET", "speakers/{speaker_id}/audio", speaker_id=one)
    for headers in ({"Range": "bytes=0-99"}, {"Range": "bytes=9999999-"}):
        recorder.call("GET", "speakers/{speaker_id}/audio", headers=headers, speaker_id=diane)
    recorder.call("DELETE", "speakers/{speaker_id}", speaker_id=recorder.speaker("Eve"))
    recorder.call("POST", "speakers/undo")
    recorder.call("DELETE", "speakers/{speaker_id}", speaker_id=recorder.speaker("Eve"))
    recorder.call("GET", "speakers/{speaker_id}", speaker_id=NOBODY)
    for conversation in ("call.flac", "meeting.flac", "ada2.flac"):
        recorder.call("POST", "conversations/{conversation_id}/rematch", conversation_id=recorder.conversation(conversation))
    state(scene)


def emotions(scene: Scene) -> None:
    """Diane is corrected until the profile counts, and the emotions are detected again."""
    recorder = scene.recorder
    correct, mark = f"{SEGMENT}/correct-emotion", f"{SEGMENT}/emotion-misidentified"
    segments = _of(recorder, "call.flac", "Diane")
    recorder.call("POST", correct, json={"corrected_emotion": "happy"}, **segments[1])
    recorder.call("POST", correct, params={"corrected_emotion": "happy"}, **segments[2])
    recorder.call("POST", correct, json={"emotion_category": "Happy"}, **segments[3])
    recorder.call("POST", correct, params={"emotion_category": "happy", "learn": False}, **segments[4])
    recorder.call("POST", correct, json={"emotion": "<unk>", "learn": False}, **segments[0])
    recorder.call("POST", correct, json={"corrected_emotion": "sad"}, **segments[3])
    for body in ({"corrected_emotion": "merry"}, {}, {"corrected_emotion": 7}):
        recorder.call("POST", correct, json=body, **segments[1])
    recorder.call("POST", correct, **segments[1])
    stranger = next(one for one in recorder.segments(segments[0]["conversation_id"]) if one["speaker_id"] is None)
    values = segments[0] | {"segment_id": stranger["id"]}
    recorder.call("POST", correct, json={"corrected_emotion": "sad"}, **values)
    for wrong in (True, True, False):
        recorder.call("PATCH", mark, json={"is_misidentified": wrong}, **segments[2])
    recorder.call("PATCH", mark, json={"is_misidentified": True}, **_of(recorder, "ada2.flac")[0])
    diane, call = recorder.speaker("Diane"), segments[0]["conversation_id"]
    recorder.call("POST", "conversations/{conversation_id}/recalculate-emotions", conversation_id=call)
    for place in EMOTION_ROUTES:
        _emotion_profiles(recorder, f"{place}/{{speaker_id}}", diane)
    recorder.call("POST", "conversations/{conversation_id}/recalculate-emotions", conversation_id=call)
    state(scene)
    for place in EMOTION_ROUTES:
        for emotion in ("sad", "sad", "merry"):
            params = {"emotion_category": emotion}
            recorder.call("DELETE", f"{place}/{{speaker_id}}/emotion-profiles", params=params, speaker_id=diane)
        recorder.call("DELETE", f"{place}/{{speaker_id}}/emotion-profiles", speaker_id=diane)


def _emotion_profiles(recorder: Recorder, place: str, speaker: int) -> None:
    for id_ in (speaker, NOBODY):
        values: dict[str, Any] = {"speaker_id": id_}
        recorder.call("GET", f"{place}/emotion-profiles", **values)
        recorder.call("GET", f"{place}/emotion-threshold", **values)
        for threshold in ({"threshold": 0.5}, {"threshold": 0.1}, {"threshold": "x"}, {}):
            recorder.call("PATCH", f"{place}/emotion-threshold", params=threshold, **values)
            for emotion in ("happy", "angry", "merry"):
                for kind in ("threshold", "voice-threshold"):
                    route = f"{place}/emotion-profiles/{{emotion}}/{kind}"
                    recorder.call("PATCH", route, params=threshold, emotion=emotion, **values)


def profiles(scene: Scene) -> None:
    recorder = scene.recorder
    for route in ("profiles", "profiles/duplicate"):
        for body in (
            *({"name": f"home {len(route)}", "description": "Who\0 is who"}, {"name": f"home {len(route)}"}, {"name": "?!"}),
            *({"name": ""}, {"name": " a"}, {"name": "x" * 256}, {"name": "b", "description": "x" * 2001}, {}),
        ):
            recorder.call("POST", route, json=body)
    full, empty = "home 18", "home 8"
    for name in (full, empty, "nobody"):
        recorder.call("GET", "profiles/{name}", name=name)
        recorder.call("GET", "profiles/download/{name}", name=name)
        for _ in range(2):
            recorder.call("POST", "profiles/{name}/checkpoints", name=name)
        recorder.call("GET", "profiles/{name}/checkpoints", name=name)
        recorder.call("PATCH", "profiles/{name}", json={"description": "Changed"}, name=name)
    checkpoints = recorder.look(f"profiles/{full}/checkpoints")["checkpoints"]
    recorder.call("DELETE", "profiles/{name}/checkpoints/{timestamp}", name=full, timestamp=checkpoints[0]["timestamp"])
    recorder.call("DELETE", "profiles/{name}/checkpoints/{timestamp}", name=full, timestamp="20200101_000000")
    recorder.call("GET", "profiles/download-all")
    recorder.call(
        "POST", "speakers/{speaker_id}/merge", json={"into": recorder.speaker("Ada")}, speaker_id=recorder.speaker("Ben")
    )
    for file in (
        checkpoints[1]["filename"],
        "profile_nobody.json",
        "../secret.json",
        "profile_home_8.json",
        "profile_home_18.json",
    ):
        recorder.call("POST", "profiles/restore", params={"filename": file})
        recorder.call("GET", "speakers")
    state(scene)
    older = json.dumps(_older_profile()).encode()
    for name, content in (
        *(
            ("older.json", older),
            ("older.json", older),
            ("older.txt", older),
            ("a.json", b"{"),
            ("a.json", b"[]"),
            ("a.json", b"{}"),
        ),
        ("a.json", json.dumps(_older_profile() | {"speakers": [{"id": 1}]}).encode()),
    ):
        recorder.call("POST", "profiles/import", files=[("file", (name, content))])
    recorder.call("GET", "profiles/{name}", name="older")
    recorder.call("POST", "profiles/restore", params={"filename": "profile_older.json"})
    state(scene)
    recorder.call("POST", "speakers/{speaker_id}/reembed", speaker_id=recorder.speaker("Alice"))
    recorder.call("POST", "profiles/restore", params={"filename": "profile_home_18.json"})
    for name in ("older", "older", "home 8"):
        recorder.call("DELETE", "profiles/{name}", name=name)


def _older_profile() -> dict[str, Any]:
    """A profile as the system wrote it that this one replaces: vectors of another model."""
    vector = [round((i * 37 % 101 - 50) / 500, 4) for i in range(512)]
    emotion = {
        "emotion_category": "angry",
        "embedding": vector * 2,
        "sample_count": 3,
        "voice_embedding": vector,
        "voice_sample_count": 3,
    }
    segment = {
        "id": 1,
        "conversation_id": 1,
        "speaker_id": 1,
        "speaker_name": "Alice",
        "start_offset": 7.004,
        "end_offset": 7.444,
    }
    return {
        "timestamp": "20251109_120000",
        "name": "older",
        "description": "",
        "type": "profile",
        "settings": {"speaker_threshold": 0.3, "context_padding": 0.15, "emotion_threshold": 0.6},
        "speakers": [
            {"id": 1, "name": "Alice", "embedding": vector, "emotion_threshold": 0.8, "emotion_profiles": [emotion]},
            {"id": 2, "name": "Bob", "embedding": vector[::-1], "emotion_profiles": []},
        ],
        "segments": [segment, segment | {"id": 2, "speaker_id": 2, "speaker_name": "Bob", "is_misidentified": True}],
    }
