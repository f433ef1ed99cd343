"""The reference system's front end, a page of another origin, works where `CORS_ORIGINS` names it, and nowhere else."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import soxr
from playwright.async_api import BrowserContext

from pipeline.stages import Stages
from storage.postgres.database import Database
from tests.api.live import CLIENT_RATE, serving
from tests.browser.live import Talking
from tests.reliability.attacks.harness import changeable
from tests.storage.transcripts import MODEL
from tests.support.fixed_stages import SECONDS, sound
from vivavoce.sample import recording

FRONT_END = (Path(__file__).parent / "front_end.js").read_text(encoding="utf-8")
SENTENCE = "The parrot is dead."
TAIL_S = 0.25
"""What the sound of a segment has after it."""
WORKS: dict[str, Any] = {
    "status": "online",
    "upload": [SENTENCE],
    "list": ["Uploaded: talk.wav"],
    "conversation": "completed",
    "sound": pytest.approx(SECONDS, abs=TAIL_S),
    "sound for a drawing": pytest.approx(SECONDS, abs=TAIL_S),
    "range": [206, 44],
    "label": True,
    "emotion": "happy",
    "wrong": True,
    "speakers": ["Ann"],
    "rename": "Anne",
    "enrollment": "Ben",
    "settings": 0.7,
    "profile": "home",
    "live": ["completed", "segment", "started", "status"],
    "deletion": "Conversation 1 deleted",
}


@pytest.fixture
def origin(pages: int) -> str:
    """Of the front end: another port of this machine."""
    return f"http://localhost:{pages}"


@pytest.fixture(params=["allowed", "refused"])
def api(
    request: pytest.FixtureRequest, database: Database, database_url: str, directory: Path, origin: str
) -> Iterator[tuple[str, bool]]:
    """Its address, and whether the front end may call it."""
    stages: Stages[Any] = Stages(*[Talking()] * 4)
    allowed = request.param == "allowed"
    settings = {"cors_origins": origin} if allowed else {}
    with serving(database_url, directory, stages, MODEL, jobs=True, speaker_threshold=0.5, **settings) as address:
        yield f"http://{address}", allowed


async def test_the_calls_of_the_front_end(
    window: BrowserContext, api: tuple[str, bool], origin: str, database_url: str, directory: Path
) -> None:
    address, allowed = api
    samples, rate = soundfile.read(recording(), dtype="float32")
    spoken = soxr.resample(samples[8 * rate : 10 * rate], rate, CLIENT_RATE)
    page = await window.new_page()
    await page.goto(origin)
    before = await changeable(database_url, directory)
    got = await page.evaluate(FRONT_END, [address, base64.b64encode(sound()).decode(), spoken.round(4).tolist()])
    if allowed:
        assert got == WORKS
    else:
        assert got == dict.fromkeys(WORKS)
        assert await changeable(database_url, directory) == before
