"""A clock that stands still, so that no day ends within a test."""

from datetime import datetime, tzinfo
from types import ModuleType

import pytest


def stop(monkeypatch: pytest.MonkeyPatch, module: ModuleType, at: datetime) -> None:
    """Let `datetime.now` return this time in the module."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return at.astimezone(tz)

    monkeypatch.setattr(module, "datetime", Stopped)
