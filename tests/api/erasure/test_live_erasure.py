"""A conversation that is being recorded is erased: its connection ends, and its audio goes. No model is needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pipeline.stages import Stages
from tests.api.live import CLIENT_RATE, Client, serving, until_empty

NO_STAGE: Any = None
STAGES = Stages(NO_STAGE, NO_STAGE, NO_STAGE, NO_STAGE)
"""They can process silence only."""
SECOND = np.zeros(CLIENT_RATE, np.float32)


@pytest.fixture(scope="module")
def replicas(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Two replicas on one database, and the directory with the recordings of the first."""
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    with (
        serving(database_url, one, STAGES, "wespeaker-resnet34") as first,
        serving(database_url, other, STAGES, "wespeaker-resnet34") as second,
    ):
        yield first, second, one / "live"


def erase(address: str, conversation: int) -> None:
    answer = httpx.post(f"http://{address}/conversations/{conversation}/erase", timeout=120, trust_env=False)
    assert (answer.status_code, answer.json()["pending"]) == (200, [])


def status(address: str, conversation: int) -> int:
    return httpx.get(f"http://{address}/conversations/{conversation}", timeout=120, trust_env=False).status_code


@pytest.mark.parametrize("through_another", [False, True], ids=["its replica", "another replica"])
@pytest.mark.parametrize("resumable", [False, True])
def test_a_stream_ends(replicas: tuple[str, str, Path], through_another: bool, resumable: bool) -> None:
    with Client(replicas[0]) as client:
        id_ = client.start(resumable=resumable)
        client.send(SECOND, CLIENT_RATE)
        assert len(list(replicas[2].iterdir())) == 1
        erase(replicas[1] if through_another else replicas[0], id_)
        assert client.until("error")["message"] == "The conversation was erased."
        assert client.closed() == 1008
    until_empty(replicas[2])
    assert status(replicas[0], id_) == 404


def test_the_audio_of_a_paused_stream_goes(replicas: tuple[str, str, Path]) -> None:
    with Client(replicas[0]) as client:
        id_ = client.start(resumable=True)
        client.send(SECOND, CLIENT_RATE)
    erase(replicas[0], id_)
    until_empty(replicas[2])
    assert status(replicas[0], id_) == 404
