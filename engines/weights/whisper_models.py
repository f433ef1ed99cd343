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


def others(settings: Settings) -> dict[str, str]:
    """The names of the models beside the default one, each with its value in the settings."""
    return {_name(value): value for value in settings.whisper_models}


def configured(settings: Settings, *, gpu: bool) -> list[str]:
    """The names of all models; the first is the default one."""
    return list(dict.fromkeys([_name(choose("whisper", settings.whisper_model, gpu)), *others(settings)]))


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
    return Path(value).name if value.startswith(("/", ".", "~")) else ALIASES.get(value, value)


def _translates(name: str) -> bool:
    return not NO_TRANSLATION.search(name)


def _multilingual(name: str) -> bool:
    return not ENGLISH_ONLY.search(name)


def _remedy(known: Sequence[str], able: Callable[[str], bool]) -> str:
    found = next((name for name in known if name and able(name)), None)
    if found:
        return f"name another one, such as {found}"
    return "set WHISPER_MODEL or WHISPER_MODELS to one that does, such as large-v3"
