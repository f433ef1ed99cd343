"""The last requests: deletions, and those after a second start with the default settings."""

from pathlib import Path

from benchmarks.reliability.answers.people import state
from benchmarks.reliability.answers.scene import Scene


def deletions(scene: Scene) -> None:
    recorder = scene.recorder
    recorder.call("DELETE", "speakers/unknown/all")
    recorder.call("POST", "speakers/undo")
    recorder.call("DELETE", "speakers/unknown/all")
    for title in ("meeting.flac", "Live call"):
        conversation = recorder.conversation(title)
        for _ in range(2):
            recorder.call("DELETE", "conversations/{conversation_id}", conversation_id=conversation)
    state(scene)


def restart(scene: Scene, data: Path) -> None:
    """The settings are the defaults: no private addresses, no webhooks. Then the recordings' files are deleted."""
    recorder = scene.recorder
    state(scene)
    recorder.call("GET", "jobs", varying=("stage", "progress", "attempts"))
    recorder.call("POST", "process", files=[scene.upload("short.flac")], form={"webhook_url": scene.url("hook")})
    recorder.call("POST", "process/url", form={"url": scene.url("short.flac")})
    call, segment = recorder.conversation("call.flac"), recorder.segments(recorder.conversation("call.flac"))[0]["id"]
    for recording in data.rglob("*.flac"):
        recording.unlink()
    recorder.call("GET", "conversations/segments/{segment_id}/audio", segment_id=segment)
    recorder.call("GET", "speakers/{speaker_id}/audio", speaker_id=recorder.speaker("Diane"))
    recorder.call("POST", "speakers/{speaker_id}/reembed", speaker_id=recorder.speaker("Diane"))
    recorder.call("POST", "conversations/{conversation_id}/reprocess", conversation_id=call)
    cancelled = recorder.look("jobs?state=cancelled")["jobs"][0]["id"]
    job = {"job_id": recorder.ok("POST", "jobs/{job_id}/retry", job_id=cancelled)["id"]}
    recorder.finished(job["job_id"])
    recorder.call("GET", "jobs/{job_id}", varying=("stage", "progress"), **job)
    recorder.events("jobs/{job_id}/events", **job)
    recorder.call("GET", "conversations", params={"status": "failed"})
    recorder.call("DELETE", "conversations/{conversation_id}", conversation_id=call)
