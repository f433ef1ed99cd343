"""What all tests of the API have in common."""

import pytest

from mcp_server.tools import processing
from services.search import transcript_search
from storage.search import search


@pytest.fixture(autouse=True)
def _patient_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine takes longer than a person waits, who gets hits by words alone then, or none."""
    monkeypatch.setattr(transcript_search, "EMBEDDING_TIMEOUT_S", 120.0)
    monkeypatch.setitem(search.PLANNING, "statement_timeout", "120s")


@pytest.fixture(autouse=True)
def _patient_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for the end of the work on a recording, however long a slow machine takes for it."""
    monkeypatch.setattr(processing, "WAIT_TIMEOUT_S", 600.0)
