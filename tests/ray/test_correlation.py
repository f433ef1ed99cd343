"""Work that continues after its request has ended, on a real Serve."""

import pytest

from tests.ray.conftest import ServeRun

pytestmark = pytest.mark.ray


def test_detached_work_continues_when_the_client_disconnects_and_keeps_its_requests_id(serve_run: ServeRun) -> None:
    assert serve_run.found["correlation"] == {
        "detached begun": "",
        "attached begun": "",
        "attached cancelled": "",
        "detached": "mine",
    }
