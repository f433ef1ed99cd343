"""Requests about recordings and conversations."""

import base64
import hashlib
import hmac
import json
from typing import Any

from benchmarks.reliability.answers.scene import MAX_UPLOAD_MB, NOBODY, ORIGIN, WEBHOOK_KEY, Scene

FORMATS = ("json", "srt", "vtt", "txt", "csv", "rttm", "doc")
RUNNING = ("stage", "progress", "state", "status", "attempts", "error")
"""Fields of a job that is in work, which depend on when it is looked at."""
HOOK_TIMEOUT_S = 30.0


def empty_archive(scene: Scene) -> None:
    recorder = scene.recorder
    for route in (
        *("/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/nowhere", "nowhere", "status"),
        *("conversations", "jobs", "speakers", "speakers/suggestions", "speakers/changes", "search", "profiles"),
        *("profiles/download-all", "settings/voice"),
    ):
        recorder.call("GET", route)
    recorder.call("POST", "speakers/undo")
    recorder.call("DELETE", "speakers/unknown/all")
    recorder.call("POST", "evaluation", json={})
    for origin in (ORIGIN, "https://other.example"):
        recorder.call("GET", "status", headers={"Origin": origin})
        recorder.call("OPTIONS", "status", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})


def voice_settings(scene: Scene) -> None:
    recorder = scene.recorder
    for change in (
        {"speaker_threshold": 0.6, "context_padding": 0.2, "emotion_threshold": 0.7},
        {"silence_duration": 0.6, "filter_hallucinations": False},
        *({"speaker_threshold": value} for value in (0.0, 1.5, "high", None)),
        *({"silence_duration": -1}, {"context_padding": 100}, {}, {"nothing": 1}),
    ):
        recorder.call("POST", "settings/voice", json=change)
    recorder.call("GET", "settings/voice")
    recorder.call("POST", "settings/voice/reset")
    recorder.call("GET", "settings/voice")


def process(scene: Scene) -> None:
    """Recordings come in through every route, one after the other: who is recognised depends on who came before."""
    recorder = scene.recorder
    recorder.call("POST", "process", files=[scene.upload("call.flac")], form={"num_speakers": "2"})
    hook = {"webhook_url": scene.url("hook"), "language": "en"}
    prefer = {"Prefer": "respond-async"}
    job = recorder.ok("POST", "process", files=[scene.upload("meeting.flac")], form=hook, headers=prefer)["job_id"]
    recorder.events("jobs/{job_id}/events", job_id=job)
    recorder.call("GET", "jobs/{job_id}", job_id=job)
    _webhook(scene)
    for name in ("ada2.flac", "ben2.flac"):
        recorder.call("POST", "process", files=[scene.upload(name)], form={"language": "en"})
    label = "../secret\\cy1.flac"
    queued = recorder.ok("POST", "process", params={"wait": "false"}, files=[scene.upload("cy1.flac", label=label)])
    recorder.finished(queued["job_id"])
    recorder.call("POST", "process/url", form={"url": scene.url("moved/cy2.flac"), "language": "en", "max_speakers": "1"})
    short = {"url": scene.url("short.flac"), "language": "en"}
    recorder.finished(recorder.ok("POST", "process/url", params={"wait": False}, form=short)["job_id"])
    batch = [scene.upload(name, "audio_files") for name in ("ada3.flac", "rubbish.mp3", "empty.wav")]
    files = recorder.ok("POST", "process/batch", files=batch, form={"language": "en"})["files"]
    recorder.finished(files[0]["job_id"])
    for name in ("rubbish.mp3", "empty.wav", "header.wav"):
        recorder.call("POST", "process", files=[scene.upload(name)])
    for form in (
        *({"language": "klingon"}, {"num_speakers": "0"}, {"num_speakers": "101"}, {"min_speakers": "3", "max_speakers": "2"}),
        {"webhook_url": "mail:somebody"},
    ):
        recorder.call("POST", "process", files=[scene.upload("short.flac")], form=form)
    for url in (scene.url("nowhere.mp3"), scene.url("rubbish.mp3"), "http://nowhere.invalid/a.mp3", "ftp://a.example/b.mp3"):
        recorder.call("POST", "process/url", form={"url": url})


def _webhook(scene: Scene) -> None:
    scene.server.wait_for_webhook(HOOK_TIMEOUT_S)
    headers, body = scene.server.received[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signature = "v1," + base64.b64encode(hmac.digest(WEBHOOK_KEY, signed, hashlib.sha256)).decode()
    answer = {
        "content-type": headers["content-type"],
        "webhook-id": headers["webhook-id"],
        "signature is right": headers["webhook-signature"] == signature,
        "body": json.loads(body),
    }
    scene.recorder.keep("WEBHOOK", None, answer)


def conversations(scene: Scene) -> None:
    recorder = scene.recorder
    for page in ({"skip": 1, "limit": 2}, {"status": "completed"}, {"status": "failed"}, {"status": "lost"}, {"limit": 0}):
        recorder.call("GET", "conversations", params=page)
    for page in ({"skip": 1, "limit": 2}, {"state": "completed"}, {"state": "failed"}, {"state": "lost"}):
        recorder.call("GET", "jobs", params=page)
    call = recorder.conversation("call.flac")
    for kind in FORMATS:
        recorder.call("GET", "conversations/{conversation_id}/transcript", params={"format": kind}, conversation_id=call)
    recorder.call("GET", "conversations/{conversation_id}/progress", conversation_id=call)
    recorder.events("conversations/{conversation_id}/events", conversation_id=call)
    for title in (
        {"title": "A call  from Chicago"},
        {"title": None},
        {},
        {"status": "completed"},
        {"title": "x" * 1001},
        {"title": 7},
    ):
        recorder.call("PATCH", "conversations/{conversation_id}", json=title, conversation_id=call)
    recorder.call("PATCH", "conversations/{conversation_id}", json={"title": "Uploaded: call.flac"}, conversation_id=call)
    segment = recorder.segments(call)[2]["id"]
    audio = "conversations/segments/{segment_id}/audio"
    for kind in ("wav", "mp3", "ogg"):
        recorder.call("GET", audio, params={"format": kind}, segment_id=segment)
    recorder.call("GET", audio, headers={"Range": "bytes=0-99"}, segment_id=segment)
    recorder.call("HEAD", audio, segment_id=segment)
    for query in (
        *(
            {"q": "Chicago"},
            {"q": "originally from"},
            {"q": '"New Jersey"'},
            {"q": "Chicago -Sheila"},
            {"q": "hello or margaret"},
        ),
        *(
            {"q": "Chicago", "order": "newest"},
            {"q": "the", "limit": 2, "skip": 1},
            {"order": "oldest", "limit": 3},
            {"q": "%\"' <b>"},
        ),
        *(
            {"speaker": "unknown_01", "limit": 5},
            {"speaker": "Nobody"},
            {"emotion": "neutral", "limit": 3},
            {"emotion": "merry"},
        ),
        *({"conversation_id": call, "q": "from"}, {"speaker_id": NOBODY}, {"conversation_id": NOBODY}, {"q": "x" * 2000}),
        *(
            {"since": "2100-01-01T00:00:00Z"},
            {"until": "2020-01-01T00:00:00"},
            {"since": "2020-01-01", "q": "Chicago"},
            {"q": "zzz"},
        ),
    ):
        recorder.call("GET", "search", params=query)


def evaluation(scene: Scene) -> None:
    """Labels, and the evaluation against them."""
    recorder = scene.recorder
    call = recorder.conversation("call.flac")
    segments = [segment["id"] for segment in recorder.segments(call)]
    one = {"conversation_id": call, "segment_id": segments[0]}
    label = "conversations/{conversation_id}/segments/{segment_id}/label"
    recorder.call("GET", label, **one)
    for change in (
        {"speaker_name": " Ana ", "labeled_by": "Eve", "notes": "clear"},
        {"speaker_name": "Bo"},
        {"speaker_name": " "},
    ):
        recorder.call("PUT", label, json=change, **one)
        recorder.call("GET", label, **one)
    recorder.call("GET", "conversations/{conversation_id}/labels", conversation_id=call)
    for _ in range(2):
        recorder.call("DELETE", label, **one)
    rttm = scene.files["call.rttm"].replace(b"speaker90", b"Ana").replace(b"speaker91", b"Bo")
    files = {"call": rttm, "rubbish": b"hello", "no text": b"\xff\xfe\x00", "empty": b"", "large": b" " * (MAX_UPLOAD_MB << 20)}
    for name, content in files.items():
        sent: dict[str, Any] = {"files": [("file", (f"{name}.rttm", content))], "form": {"labeled_by": "Eve"}}
        recorder.call("POST", "conversations/{conversation_id}/labels/rttm", **sent, conversation_id=call)
    sent = {"files": [("file", ("call.rttm", rttm))]}
    recorder.call("POST", "conversations/{conversation_id}/labels/rttm", **sent, conversation_id=NOBODY)
    recorder.call("GET", "conversations/{conversation_id}/labels", conversation_id=call)
    said, turns = {str(call): "hello there is anybody from Chicago"}, {str(call): rttm.decode()}
    for question in (
        *({}, {"conversation_ids": [call], "texts": said, "rttm": turns}, {"texts": said, "rttm": turns, "collar": 0.25}),
        *({"sweep_padding": True}, {"conversation_ids": [NOBODY]}, {"rttm": {str(call): "SPEAKER x"}}, {"collar": 2}),
        {"conversation_ids": [recorder.conversation("ada2.flac")]},
    ):
        recorder.call("POST", "evaluation", json=question)


def jobs(scene: Scene) -> None:
    """Work that is begun again, refused and cancelled."""
    recorder = scene.recorder
    call, meeting = recorder.conversation("call.flac"), recorder.conversation("meeting.flac")
    again = "conversations/{conversation_id}/reprocess"
    recorder.call("POST", again, params={"language": "en"}, conversation_id=call)
    cy = recorder.conversation("cy2.flac")
    recorder.call("POST", again, params={"num_speakers": 2, "language": "en"}, conversation_id=cy)
    short = recorder.conversation("short.flac")
    recorder.finished(recorder.ok("POST", again, params={"wait": False}, conversation_id=short)["job_id"])
    for params in ({"min_speakers": 3, "max_speakers": 2}, {"language": "klingon"}, {"num_speakers": 0}):
        recorder.call("POST", again, params=params, conversation_id=call)
    for conversation in (call, meeting):
        recorder.call("POST", "conversations/{conversation_id}/rematch", conversation_id=conversation)
    done = recorder.look("jobs")["jobs"][0]["id"]
    for act in ("cancel", "retry"):
        recorder.call("POST", f"jobs/{{job_id}}/{act}", job_id=done)
    recorder.events("jobs/{job_id}/events", job_id=done)
    long = recorder.ok("POST", "process", params={"wait": False}, files=[scene.upload("long.flac")], form={"language": "en"})
    job = {"job_id": long["job_id"]}
    recorder.call("GET", "jobs/{job_id}", varying=RUNNING, **job)
    recorder.call("GET", "conversations/{conversation_id}/progress", varying=RUNNING, conversation_id=long["id"])
    recorder.call("POST", "jobs/{job_id}/retry", **job)
    for method, route in (
        ("POST", again),
        ("DELETE", "conversations/{conversation_id}"),
        ("POST", "conversations/{conversation_id}/rematch"),
    ):
        recorder.call(method, route, conversation_id=long["id"])
    recorder.call("POST", "jobs/{job_id}/cancel", varying=RUNNING, **job)
    recorder.finished(job["job_id"])
    retried = {"job_id": recorder.ok("POST", "jobs/{job_id}/retry", **job)["id"]}
    recorder.call("POST", "jobs/{job_id}/cancel", varying=RUNNING, **retried)
    recorder.finished(retried["job_id"])
    for one in (job, retried):
        recorder.call("GET", "jobs/{job_id}", varying=("stage", "progress"), **one)
    recorder.call("GET", "jobs", params={"state": "cancelled"}, varying=("stage", "progress", "attempts"))
    recorder.call("GET", "conversations/{conversation_id}", conversation_id=long["id"])
