"""The Whisper models that a request may name, and what each of them can do."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engines.weights.catalogue import ALIASES, choose
from pipeline.decoding import Decoding
from pipeline.languages import language_name
from settings import Settings

ENGLISH_ONLY = re.compile(r"\.en\b|\bdistil-(whisper-)?(small|medium|large)", re.IGNORECASE)
"""Models that were trained with English only, as their pages say."""
NO_TRANSLATION = re.compile(r"turbo|distil|\.en\b", re.IGNORECASE)
"""Models that were trained with transcripts only (https://github.com/openai/whisper, "Available models")."""


class ModelError(ValueError):
    """A request names a model that is not configured or cannot do the task; the message gives a remedy."""


class UnknownModelError(ModelError):
    """There is no such model."""


class SameNameError(ValueError):
    """Requests could not name one of two models; the message names both values of the settings."""


def others(settings: Settings) -> dict[str, str]:
    """The names of the models beside the default one, each with its value in the settings. Raises SameNameError."""
    found: dict[str, str] = {}
    for value in settings.whisper_models:
        _check_names(found.setdefault(_name(value), value), value)
    if settings.whisper_model != "auto":
        _check_names(settings.whisper_model, found.get(_name(settings.whisper_model)))
    return found


def configured(settings: Settings, *, gpu: bool) -> list[str]:
    """The names of all models; the first is the default one. Raises SameNameError."""
    default, found = choose("whisper", settings.whisper_model, gpu), others(settings)
    _check_names(default, found.get(_name(default)))
    return list(dict.fromkeys([_name(default), *found]))


def with_model(decoding: Decoding, language: str | None, known: Sequence[str]) -> Decoding:
    """`decoding` with the name of its model, which is empty for the default one, the first of `known`.

    Raises:
        UnknownModelError: It is none of `known`.
        ModelError: It cannot do the requested task; the message names one that can.
    """
    name = ALIASES.get(decoding.model, decoding.model) or known[0]
    if name not in known:
        names = ", ".join(filter(None, known))
        raise UnknownModelError(f"The model {decoding.model!r} is not configured: name one of {names}.")
    if decoding.enabled and decoding.task == "translate" and not _translates(name):
        raise ModelError(f"The model {name!r} does not translate: {_remedy(known, _translates)}.")
    if decoding.enabled and language not in (None, "en") and not _multilingual(name):
        spoken = language_name(language).capitalize()
        raise ModelError(f"The model {name!r} knows no {spoken}, only English: {_remedy(known, _multilingual)}.")
    return replace(decoding, model="" if name == known[0] else name)


def _name(value: str) -> str:
    """Clients see the name of a directory, not its path."""
    return Path(value).name if _is_path(value) else ALIASES.get(value, value)


def _check_names(value: str, other: str | None) -> None:
    """Raises SameNameError where `other` has the name of `value` and is another model."""
    if other is not None and _model(value) != _model(other):
        raise SameNameError(
            f"The models {value} and {other} of WHISPER_MODEL and WHISPER_MODELS have one name, {_name(value)}, "
            "by which requests name them: rename one of the directories, or leave one out."
        )


def _model(value: str) -> Path | str:
    return Path(value).expanduser().resolve() if _is_path(value) else ALIASES.get(value, value)


def _is_path(value: str) -> bool:
    return value.startswith(("/", ".", "~"))


def _translates(name: str) -> bool:
    return not NO_TRANSLATION.search(name)


def _multilingual(name: str) -> bool:
    return not ENGLISH_ONLY.search(name)


def _remedy(known: Sequence[str], able: Callable[[str], bool]) -> str:
    found = next((name for name in known if name and able(name)), None)
    if found:
        return f"name another one, such as {found}"
    return "set WHISPER_MODEL or WHISPER_MODELS to one that does, such as large-v3"
