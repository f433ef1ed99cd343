"""What all tests of the API have in common."""

import pytest

from mcp_server.tools import processing
from tests.support.patience import patient_erasures, patient_searches  # noqa: F401


@pytest.fixture(autouse=True)
def _patient_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for the end of the work on a recording, however long a slow machine takes for it."""
    monkeypatch.setattr(processing, "WAIT_TIMEOUT_S", 600.0)
