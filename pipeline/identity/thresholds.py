"""The speaker threshold: the cosine similarity above which two voices are one. A value belongs to one embedding model."""

from dataclasses import dataclass

THRESHOLDS: dict[str, float] = {
    # benchmarks/accuracy/speaker_threshold.py, each voice against the closest of the references of 40 readers. Read speech
    # (3-10 s; 2 s; 5 s in two rooms): equal error rate 0 %, at 0.49 to 0.56. Acted emotions, 3 s: 0.47.
    # benchmarks/accuracy/identity.py, 39 enrolled, quiet and noisy: from 0.525 to 0.65 98.6 % of segments get the right name,
    # and 1.4 to 0.7 % of the segments of unknown people get a name; at 0.50 4.4 % do. One person in two meetings: 0.54 and
    # more, but only two to measure.
    "wespeaker-resnet34": 0.53,
    # The default of the system that this one replaces.
    "pyannote/embedding": 0.30,
}
"""The threshold of each embedding model that applies where none is set."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Thresholds of a model that are probably another model's."""

    foreign: float
    """Below it a value is taken for another model's, unless its model is named with it."""
    doubtful: float
    """Below it a value applies, with a warning where nothing says that it was chosen for the model."""


BOUNDS: dict[str, Bounds] = {
    # benchmarks/accuracy/identity.py, 39 enrolled, segments of strangers that get a name: 25.4 % at 0.40, 18.6 % at 0.45,
    # 4.4 % at 0.50, 1.4 % at 0.525; at 0.40 no segment more gets its right name. The reference system's values are about 0.30.
    "wespeaker-resnet34": Bounds(foreign=0.40, doubtful=0.50),
}
"""By embedding model; any value is taken for a model that is not listed."""


@dataclass(frozen=True, slots=True)
class Threshold:
    value: float
    warning: str | None = None
    """One or two sentences for the user: why the value is not the one that was set, or what it does."""


def default_threshold(model: str) -> float:
    """The model's own. Raises ValueError where none is known."""
    if model not in THRESHOLDS:
        raise ValueError(
            f"No speaker threshold is known for the embedding model {model!r}: set SPEAKER_THRESHOLD, which "
            "benchmarks/accuracy/speaker_threshold.py can measure."
        )
    return THRESHOLDS[model]


def configured_threshold(model: str, setting: float | None, chosen_for: str | None = None) -> Threshold:
    """The threshold that the environment gives a model.

    `setting` is SPEAKER_THRESHOLD, `chosen_for` SPEAKER_THRESHOLD_MODEL. Raises ValueError where there is neither a value for
    the model nor one of its own.
    """
    if setting is None:
        return Threshold(default_threshold(model))
    if chosen_for == model:
        return Threshold(setting)
    if chosen_for is not None:
        own = default_threshold(model)
        return Threshold(
            own,
            f"SPEAKER_THRESHOLD={setting:g} is for {chosen_for} and not used: {model}, which is running, keeps its own, "
            f"{own:g}.",
        )
    if is_foreign(setting, model):
        own = default_threshold(model)
        return Threshold(
            own,
            f"SPEAKER_THRESHOLD={setting:g} is not used: {_why(model)}. {model} keeps its own, {own:g}. Remove the setting, or "
            f"set SPEAKER_THRESHOLD_MODEL={model} to use {setting:g} all the same.",
        )
    if model in BOUNDS and setting < BOUNDS[model].doubtful:
        return Threshold(
            setting,
            f"SPEAKER_THRESHOLD={setting:g} is low for {model}, whose own is {default_threshold(model):g}: unknown people may "
            f"get the names of known ones. Remove the setting, or set SPEAKER_THRESHOLD_MODEL={model} if it is meant for it.",
        )
    return Threshold(setting)


def is_foreign(value: float, model: str) -> bool:
    """Whether the value is probably a threshold of another embedding model."""
    return model in BOUNDS and value < BOUNDS[model].foreign


def refusal(value: float, model: str) -> str:
    """Why a value that `is_foreign` is not taken, and what to do."""
    return (
        f"{value:g} is too low for {model}, whose own is {default_threshold(model):g}: {_why(model)}. Send "
        f'"embedding_model": "{model}" with it to set it all the same.'
    )


def low_warning(value: float, model: str) -> str | None:
    """What a value does that was set for the model though it `is_foreign`; None for others."""
    if not is_foreign(value, model):
        return None
    return (
        f"The speaker threshold {value:g}, which is in force, is low for {model}, whose own is "
        f"{default_threshold(model):g}: {_why(model)}."
    )


def _why(model: str) -> str:
    others = ", ".join(f"{other} ({value:g})" for other, value in THRESHOLDS.items() if other != model)
    return (
        f"below {BOUNDS[model].foreign:.2f} many unknown people get the names of known ones, and such values are for other "
        f"embedding models, such as {others}"
    )
