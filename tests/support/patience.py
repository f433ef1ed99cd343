"""Fixtures for an application in the process of the tests: it waits longer than for a person."""

import pytest

from services.search import transcript_search
from storage.erasure import space
from storage.search import search

PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def patient_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine takes longer than a person waits, who gets hits by words alone then, or none."""
    monkeypatch.setattr(transcript_search, "EMBEDDING_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setitem(search.PLANNING, "statement_timeout", f"{PATIENCE_S:.0f}s")


@pytest.fixture(autouse=True)
def patient_erasures(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL, which analyzes a table by itself, delays a removal of space, which would be left for later."""
    monkeypatch.setattr(space, "LOCK_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(space, "SNAPSHOT_TIMEOUT_S", PATIENCE_S)
