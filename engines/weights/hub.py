"""Weights from the Hugging Face hub."""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from engines.weights.catalogue import Model, Role
from engines.weights.downloads import DownloadError, new_client

WANTED: dict[Role, list[str]] = {
    "whisper": ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"],
    "diarization": ["*.yaml", "*.bin", "*.npz", "*.safetensors"],
    "embedding": ["*.yaml", "*.bin"],
    "emotion": ["*.yaml", "*.json", "*.txt", "*.pt"],
}
"""The files that the engine of each role reads; repositories also hold pictures and recordings."""

REQUIRED: dict[Role, str] = {
    "whisper": "model.bin",
    "diarization": "config.yaml",
    "embedding": "pytorch_model.bin",
    "emotion": "model.pt",
}
"""The file that a repository must have to fit the engine."""

_PROBE_TIMEOUT_S = 4.0  # a hub that is reachable has answered by then


class HubError(Exception):
    """A model cannot be downloaded from the hub; the message says why, and what can be done about it."""


def fetch(model: Model, directory: Path, revision: str | None, token: str | None, show: bool = False) -> str:
    """Download a revision of the model's repository into `directory`, keeping the files that are there already.

    Without a revision, the newest one. Returns the revision. Raises `HubError`.
    """
    repository = model.hub or model.name
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    _probe(endpoint)
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        with _quiet(show) as bars:
            revision = revision or HfApi(endpoint, token).model_info(repository, revision="main").sha
            if revision is None:
                raise ValueError("it does not say which revision is the newest")
            snapshot_download(
                repository,
                revision=revision,
                local_dir=directory,
                allow_patterns=[file.path for file in model.files] or WANTED[model.role],
                token=token,
                endpoint=endpoint,
                tqdm_class=bars,
            )
    except GatedRepoError as error:
        raise HubError(
            f"{repository} is given only to those who accept its conditions: accept them at {endpoint}/{repository} "
            "and set HF_TOKEN to a token of that account"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise HubError(f"{endpoint}/{repository} does not exist, or HF_TOKEN may not read it") from error
    except Exception as error:  # including errors of its HTTP library, which change from release to release
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
        raise HubError(f"{repository} could not be downloaded from the Hugging Face hub ({first})") from error
    if not (directory / REQUIRED[model.role]).is_file():
        raise HubError(f"{endpoint}/{repository} has no {REQUIRED[model.role]}, so it is no {model.role} model known here")
    shutil.rmtree(directory / ".cache", ignore_errors=True)  # the client's notes on unfinished files
    if show and not sys.stderr.isatty():
        size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
        print(f"{model.name}: {size / 1e6:.1f} MB", file=sys.stderr, flush=True)
    return revision


def _probe(endpoint: str) -> None:
    """Check that the hub answers: its own client waits for an answer without a timeout."""
    try:
        with new_client() as client:
            client.head(endpoint, timeout=_PROBE_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL, DownloadError) as error:
        raise HubError("the Hugging Face hub cannot be reached from here") from error


@contextmanager
def _quiet(show: bool) -> Iterator[type]:
    """Silence the hub's client, except for progress bars on a terminal."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bars(tqdm):
        def __init__(self, *args: object, **options: object) -> None:
            options["disable"] = not (show and sys.stderr.isatty())
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]

    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield Bars
    finally:
        logger.setLevel(level)
