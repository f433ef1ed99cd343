"""The sample conversation of the first run."""

import sys
import threading
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

import httpx

from settings import uses_proxy
from vivavoce.printing import transcript
from vivavoce.remote import RemoteError, read

POLL_INTERVAL_S = 2.0


def recording() -> Path:
    """Path of a telephone call of 30 s between two speakers, part of pyannote.audio."""
    return Path(str(distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")))


def show(address: str, headers: Mapping[str, str], stop: threading.Event) -> None:
    """Process the sample and print its transcript, if the archive is still empty. A failure is printed, not raised."""
    try:
        with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60, trust_env=uses_proxy(address)) as client:
            _process(client, address, stop)
    except (httpx.HTTPError, RemoteError, OSError) as error:
        why = str(error).rstrip(".") or type(error).__name__
        remedy = "Send a recording of your own, or start again with --sample."
        print(f"The sample conversation was not processed: {why}. {remedy}", file=sys.stderr, flush=True)


def _process(client: httpx.Client, address: str, stop: threading.Event) -> None:
    if read(client.get("/conversations", params={"limit": 1}), address)["total"]:
        return
    print("The archive is empty; processing a sample conversation …", file=sys.stderr, flush=True)
    with recording().open("rb") as file:
        accepted = client.post("/process", params={"wait": False}, files={"audio_file": ("sample.wav", file)})
    conversation = read(accepted, address)["id"]
    while not stop.wait(POLL_INTERVAL_S):
        if read(client.get(f"/conversations/{conversation}/progress"), address)["status"] != "processing":
            break
    else:
        return
    print(transcript(read(client.get(f"/conversations/{conversation}"), address)), flush=True)
