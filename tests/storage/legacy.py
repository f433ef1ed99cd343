"""Profile files as the two versions of the reference system write them."""

import json
from typing import Any

from tests.storage.transcripts import voice

SETTINGS = {
    "speaker_threshold": 0.3,
    "context_padding": 0.15,
    "silence_duration": 0.5,
    "filter_hallucinations": True,
    "emotion_threshold": 0.6,
}


def legacy_file(writer: int = 1, kind: str = "profile", **changes: Any) -> dict[str, Any]:
    """Alice, who was corrected to angry three times, and Bob; two segments of conversation 1."""
    profile = {
        "emotion_category": "angry",
        "embedding": voice(20, 1024).tolist(),
        "sample_count": 3,
        "confidence_threshold": None,
        "voice_embedding": voice(21, 512).tolist(),
        "voice_sample_count": 3,
        "voice_threshold": None,
    }
    alice = {"id": 1, "name": "Alice", "embedding": voice(11, 512).tolist(), "emotion_threshold": None}
    bob = {"id": 2, "name": "Bob", "embedding": voice(12, 512).tolist(), "emotion_threshold": 0.8}
    if kind == "profile" or writer == 2:  # checkpoints of the first version leave the emotions out
        alice["emotion_profiles"], bob["emotion_profiles"] = [profile], []
    lines: list[dict[str, Any]] = [
        {"speaker_id": 1, "speaker_name": "Alice", "is_misidentified": False, "start_offset": 0.0, "end_offset": 1.5},
        {"speaker_id": 2, "speaker_name": "Bob", "is_misidentified": True, "start_offset": 2.0, "end_offset": 3.5},
    ]
    lines = [{"id": i, "conversation_id": 1} | line for i, line in enumerate(lines, 1)]
    file: dict[str, Any] = {
        "timestamp": "20251109_120000",
        "name" if kind == "profile" else "profile_name": "home",
        "description": "",
        "type": kind,
        "settings": SETTINGS,
        "speakers": [alice, bob],
        "segments": lines,
    }
    if writer == 2:
        file["database_namespace"] = "6f1c0e0a-0000-4000-8000-000000000001"
        for i, line in enumerate(lines):
            line["snapshot_uuid"] = f"6f1c0e0a-0000-4000-8000-00000000001{i}"
            line["conversation_snapshot_uuid"] = "6f1c0e0a-0000-4000-8000-000000000020"
    return file | changes


def as_bytes(file: Any) -> bytes:
    return json.dumps(file).encode()
