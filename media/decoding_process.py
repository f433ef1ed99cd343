"""A process that decodes uploads, each in a fork of its own with limited memory and time.

FFmpeg allocates by what a file declares: a megabyte of MP4 can take gigabytes. A fork also confines a crash of a decoder.
`media.decoders` runs it: each line on stdin is a task, and each line on stdout its result, both JSON.
"""

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

import psutil

from pipeline.types import ChannelMode

MAX_DECODER_BYTES = 512 << 20
"""What a decoder may allocate. Ordinary recordings take up to 60 MB, an MP4 of twelve hours 150 MB."""
MIN_CPU_S = 120
CPU_SHARE = 30
"""A decoder may take `MIN_CPU_S`, and this part of the longest duration that is accepted."""

DAMAGED = "The recording is made in a way that its decoder fails; export it again as WAV, MP3 or FLAC."
TOO_LARGE = "The recording needs too much memory to be read; export it again as WAV, MP3 or FLAC."
TOO_SLOW = "The recording takes too long to be read; export it again as WAV, MP3 or FLAC."


class Task(TypedDict):
    source: str
    target: str
    mode: ChannelMode
    max_duration: float


def serve() -> None:
    """Decode until stdin ends."""
    # Imported once, for all forks.
    import soundfile  # noqa: F401

    from media import separation  # noqa: F401

    for line in iter(sys.stdin.readline, ""):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            os.write(writer, _result(json.loads(line)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            result = pipe.read()
        _, status = os.waitpid(pid, 0)
        if status:
            slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
            result = json.dumps({"error": TOO_SLOW if slow else DAMAGED})
        print(result, flush=True)


def _result(task: Task) -> str:
    """What a fork answers: `media.separation.Stored`, or `error` for the client, or `errno` of the disk."""
    from media import decoding, separation

    source, target, mode, max_duration = Path(task["source"]), Path(task["target"]), task["mode"], task["max_duration"]
    _limit(max_duration)
    try:
        return json.dumps(asdict(separation.store(source, target, mode, max_duration)))
    except decoding.AudioError as error:
        return json.dumps({"error": str(error)})
    except MemoryError:
        return json.dumps({"error": TOO_LARGE})
    except OSError as error:
        return json.dumps({"errno": error.errno, "error": str(error)})


def _limit(max_duration: float) -> None:
    memory = psutil.Process().memory_info().vms + MAX_DECODER_BYTES
    with suppress(ValueError):  # macOS does not limit it
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    seconds = MIN_CPU_S + int(max_duration / CPU_SHARE)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


if __name__ == "__main__":
    serve()
