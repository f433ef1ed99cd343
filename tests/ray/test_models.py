"""Two models on one replica of the transcriber."""

import asyncio
import io
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr

from pipeline.types import SAMPLE_RATE, Samples
from tests.api.live import CLIENT_RATE, Client
from tests.support.program import ServedApplication
from tests.support.whisper import HEARD, NAME, WRITTEN
from vivavoce.sample import recording

pytestmark = pytest.mark.ray

TIMEOUT_S = 600.0


def excerpt() -> Samples:
    """8 s of the sample, in which the city is named."""
    samples, _ = soundfile.read(recording(), dtype="float32", start=14 * SAMPLE_RATE, frames=8 * SAMPLE_RATE)
    found: Samples = samples
    return found


async def test_each_request_gets_its_model(program: ServedApplication) -> None:
    """Both models have windows in the same batches."""
    content = io.BytesIO()
    soundfile.write(content, excerpt(), SAMPLE_RATE, format="WAV")

    async with httpx.AsyncClient(base_url=f"{program.address}/api/v1", timeout=TIMEOUT_S) as client:

        async def text(**form: Any) -> str:
            answer = await client.post("/process", files={"audio_file": ("call.wav", content.getvalue())}, data=form)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["transcript_segments"])

        assert (await client.get("/status")).json()["models"] == ["whisper-base", NAME]
        first, second, third = await asyncio.gather(text(), text(model=NAME), text(model="base"))
    assert [HEARD in found for found in (first, second, third)] == [True, False, True]
    assert [WRITTEN in found for found in (first, second, third)] == [False, True, False]


def test_so_does_a_live_conversation(program: ServedApplication) -> None:
    with Client(program.address.removeprefix("http://") + "/api/v1") as client:
        client.start(language="en", model=NAME)
        client.send(
            np.append(soxr.resample(excerpt(), SAMPLE_RATE, CLIENT_RATE), np.zeros(CLIENT_RATE, np.float32)), CLIENT_RATE
        )
        client.stop()
    said = " ".join(segment["text"] for segment in client.of("segment"))
    assert (WRITTEN in said, HEARD in said) == (True, False)
