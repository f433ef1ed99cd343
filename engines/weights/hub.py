"""Weights from the Hugging Face hub."""

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from engines.weights import manifest
from engines.weights.catalogue import Model, Role
from engines.weights.downloads import DownloadError, new_client, progress_bar, save_range

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

WANTED: dict[Role, list[str]] = {
    "whisper": ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"],
    "diarization": ["*.yaml", "*.bin", "*.npz", "*.safetensors"],
    "embedding": ["*.yaml", "*.bin"],
    "emotion": ["*.yaml", "*.json", "*.txt", "*.pt"],
    "text_embedding": ["tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json", "onnx/model.onnx*"],
}
"""The files that the engine of each role reads; repositories also hold pictures and recordings."""

REQUIRED: dict[Role, str] = {
    "whisper": "model.bin",
    "diarization": "config.yaml",
    "embedding": "pytorch_model.bin",
    "emotion": "model.pt",
    "text_embedding": "onnx/model.onnx",
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
            info = HfApi(endpoint, token).model_info(repository, revision=revision or "main", files_metadata=True)
            revision = revision or info.sha
            if revision is None:
                raise ValueError("it does not say which revision is the newest")
            wanted = [file.path for file in model.files] or WANTED[model.role]
            large = [file for file in info.siblings or () if file.lfs and any(fnmatch(file.rfilename, name) for name in wanted)]
            snapshot_download(
                repository,
                revision=revision,
                local_dir=directory,
                allow_patterns=wanted,
                ignore_patterns=_fetch_large(large, f"{endpoint}/{repository}/resolve/{revision}", directory, token, show),
                token=token,
                endpoint=endpoint,
                tqdm_class=bars,
            )
    except HubError:
        raise
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
    _check_hashes(large, directory, f"{endpoint}/{repository}")
    if not (directory / REQUIRED[model.role]).is_file():
        raise HubError(f"{endpoint}/{repository} has no {REQUIRED[model.role]}, so it is no {model.role} model known here")
    shutil.rmtree(directory / ".cache", ignore_errors=True)  # the client's notes on unfinished files
    if show and not sys.stderr.isatty():
        size = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
        print(f"{model.name}: {size / 1e6:.1f} MB", file=sys.stderr, flush=True)
    return revision


def _fetch_large(files: Sequence["RepoSibling"], url: str, directory: Path, token: str | None, show: bool) -> list[str]:
    """Download files of Git LFS; returns the names of those that are there.

    The next attempt continues a download that was interrupted, also by the end of the process: the hub's own client would start
    it again. That client gets what this one receives nothing of, and tells why.
    """
    parts, fetched = directory.parent / ".parts", []
    parts.mkdir(exist_ok=True)
    with new_client() as client:
        client.headers.update({"Authorization": f"Bearer {token}"} if token else {})  # not sent to other hosts
        for file in files:
            assert file.lfs is not None
            path, part = directory / file.rfilename, parts / f"{file.lfs.sha256}.part"
            expected = manifest.Expected(file.lfs.size, file.lfs.sha256, "")
            if manifest.check(path, expected) != "ok":
                try:
                    with progress_bar(file.rfilename, file.lfs.size, show) as advance:
                        save_range(client, httpx.URL(f"{url}/{file.rfilename}"), 0, file.lfs.size, part, advance)
                except DownloadError as error:
                    if part.exists() and part.stat().st_size:
                        raise HubError(f"{str(error).rstrip('.')}; the next attempt continues where it ended") from error
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                part.replace(path)
            fetched.append(file.rfilename)
    return fetched


def _check_hashes(files: Sequence["RepoSibling"], directory: Path, page: str) -> None:
    """Compare files of Git LFS with the hashes that the hub gives: its client compares sizes only."""
    for file in files:
        path = directory / file.rfilename
        if file.lfs is not None and path.is_file() and manifest.sha256(path) != file.lfs.sha256:
            path.unlink()
            raise HubError(
                f"{file.rfilename} arrived from {page} with another sha256 than the one given there, and was deleted: try again"
            )


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
