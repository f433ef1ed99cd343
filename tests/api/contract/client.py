"""A client of the reference system's API, written from its description alone: requests, and the expected responses."""

import re
from typing import Any

import httpx

SPEAKER = {"name", "id", "created_at", "updated_at", "segment_count"}
LISTED = {"id", "title", "start_time", "end_time", "duration", "status", "audio_format", "num_segments", "num_speakers"}
SEGMENT = {
    *("id", "conversation_id", "speaker_id", "speaker_name", "text", "start_time", "end_time", "start_offset", "end_offset"),
    *("confidence", "emotion_category", "emotion_confidence", "emotion_corrected", "emotion_corrected_at"),
    *("emotion_misidentified", "detector_breakdown", "words", "avg_logprob", "is_misidentified"),
}
WORD = {"word", "start", "end", "probability"}
VOICE_SETTINGS = {"speaker_threshold", "context_padding", "silence_duration", "filter_hallucinations", "emotion_threshold"}
EMOTION_PROFILE = {
    *("emotion_category", "sample_count", "voice_sample_count", "confidence_threshold", "voice_threshold"),
    *("created_at", "updated_at"),
}
CHANGED_PROFILE = {"message", "name", "description", "filename", "speakers_count", "segments_count", "timestamp"}
LISTED_PROFILE = {"name", "description", "filename", "timestamp", "speakers_count", "segments_count", "created_at"}
CHECKPOINT = {"filename", "timestamp", "profile_name", "speakers_count", "segments_count", "created_at"}
RESTORED = {
    *("message", "speakers_restored", "segments_updated", "segments_unmapped", "segments_remapped_by_name"),
    *("segments_remapped_from_local_names", "segments_not_found", "segments_skipped_namespace", "segments_skipped_identity"),
    *("segments_replayed_by_identity", "segments_replayed_by_legacy_identity", "segment_namespace_match"),
    *("legacy_restore_warning", "settings_restored", "settings_warning"),
}
EMOTIONS = {"angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised", "unknown"}
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MISSING_ID = 999_999


class Client:
    """Sends requests, and compares every answer with the expected status and fields."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ok(self, method: str, path: str, fields: set[str] | None = None, **how: Any) -> Any:
        answer = await self.http.request(method, path, **how)
        assert answer.status_code == 200, (method, path, answer.text[:500])
        found = answer.json()
        if fields is not None:
            assert fields <= found.keys(), fields - found.keys()
        return found

    async def refused(self, status: int, method: str, path: str, detail: str | None = None, **how: Any) -> str:
        """Returns the error message."""
        answer = await self.http.request(method, path, **how)
        assert answer.status_code == status, (method, path, answer.text[:500])
        said = answer.json()["detail"]
        assert detail is None or said == detail, said
        return str(said)

    async def segments(self, conversation: int) -> list[dict[str, Any]]:
        found = (await self.ok("GET", f"/conversations/{conversation}"))["transcript_segments"]
        assert isinstance(found, list)
        return found

    async def segment_of(self, conversation: int, name: str) -> dict[str, Any]:
        return next(segment for segment in await self.segments(conversation) if segment["speaker_name"] == name)


def upload(content: bytes, name: str = "call.wav") -> dict[str, tuple[str, bytes, str]]:
    return {"audio_file": (name, content, "audio/wav")}
