"""The sample conversation of the first run."""

import sys
import threading
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

import httpx

from settings import uses_proxy
from vivavoce.printing import transcript

POLL_INTERVAL_S = 2.0


def recording() -> Path:
    """Path of a telephone call of 30 s between two speakers, part of pyannote.audio."""
    return Path(str(distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")))


def show(address: str, headers: Mapping[str, str], stop: threading.Event) -> None:
    """Process the sample and print its transcript, if the archive is still empty."""
    with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60, trust_env=uses_proxy(address)) as client:
        if client.get("/conversations", params={"limit": 1}).raise_for_status().json()["total"]:
            return
        print("The archive is empty; processing a sample conversation …", file=sys.stderr, flush=True)
        with recording().open("rb") as file:
            accepted = client.post("/process", params={"wait": False}, files={"audio_file": ("sample.wav", file)})
        conversation = accepted.raise_for_status().json()["id"]
        while not stop.wait(POLL_INTERVAL_S):
            progress = client.get(f"/conversations/{conversation}/progress").raise_for_status().json()
            if progress["status"] != "processing":
                break
        else:
            return
        print(transcript(client.get(f"/conversations/{conversation}").raise_for_status().json()), flush=True)
