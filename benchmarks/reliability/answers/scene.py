"""The context of all requests: the recorder, the recordings, and a file server."""

import base64
import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.answers.program import FileServer
from benchmarks.reliability.answers.recorder import Recorder

MAX_UPLOAD_MB = 4
ORIGIN = "https://app.example"
WEBHOOK_KEY = b"v" * 32
SETTINGS = {
    "MAX_UPLOAD_MB": str(MAX_UPLOAD_MB),
    "PRIVATE_URLS": "true",
    "CORS_ORIGINS": ORIGIN,
    "WEBHOOK_SECRET": base64.b64encode(WEBHOOK_KEY).decode(),
    "CPU_THREADS": "1",
}
"""Of the server, but for the requests of `restart`. The limit is one that can be reached; the private URLs are those of the
recorder's own file server."""
NOBODY = 999_999
"""An id that nothing has."""
SILENCE_S = 5
ADA, BEN, CY = (
    f"read_speech/librispeech_test-other/{reader}" for reader in ("1688/1688-142285", "1998/1998-15444", "3005/3005-163389")
)
FILES = {
    "call.flac": "conversations/pyannote_sample/sample.flac",
    "meeting.flac": "conversations/ami/EN2001a_0-30s.flac",
    "long.flac": "conversations/misc/aws_call_8k.flac",
    **{f"ada{i}.flac": f"{ADA}-{utterance}.flac" for i, utterance in enumerate(("0000", "0001", "0006"), 1)},
    **{f"ben{i}.flac": f"{BEN}-{utterance}.flac" for i, utterance in enumerate(("0000", "0002", "0004"), 1)},
    **{f"cy{i}.flac": f"{CY}-{utterance}.flac" for i, utterance in enumerate(("0003", "0006"), 1)},
    "short.flac": f"{CY}-0007.flac",
    "rubbish.mp3": "edge/generated/not_audio.mp3",
    "empty.wav": "edge/generated/zero_bytes.wav",
    "header.wav": "edge/generated/header_only.wav",
    "moon.webm": "edge/codecs_jfk_rice/good.webm",
    "broken.webm": "edge/codecs_jfk_rice/broken.webm",
    "call.rttm": "conversations/pyannote_sample/sample.rttm",
}
"""Recordings of the data folder by the names under which they are sent."""


@dataclass(frozen=True)
class Scene:
    recorder: Recorder
    files: Mapping[str, bytes]
    server: FileServer
    program: Path
    """`vivavoce`."""

    def upload(self, name: str, field: str = "audio_file", label: str | None = None) -> tuple[str, tuple[str, bytes]]:
        """A form's field with a file, which the client calls `label`."""
        return field, (label or name, self.files[name])

    def url(self, name: str) -> str:
        """Where the recorder's own server has a file."""
        return f"http://{self.server.host}/{name}"


def load(data: Path) -> dict[str, bytes]:
    """The files, and one of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(bytes(2 * 16_000 * SILENCE_S))
    return {name: (data / path).read_bytes() for name, path in FILES.items()} | {"silence.wav": file.getvalue()}
