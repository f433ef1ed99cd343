"""Weights for the engines' tests."""

from pathlib import Path

import pytest

from engines.weights.resolver import resolve
from settings import Settings


@pytest.fixture(scope="session")
def whisper_path() -> Path:
    """The embedded Whisper, fetched at the first run."""
    return resolve("whisper", Settings(), gpu=False).path
