"""Configuration of the graph: `serve_config.yaml` for one machine, and the variants that differ from it.

`python -m deployments.config cluster --gpus 4 > cluster_config.yaml` makes the file for `serve deploy`, with the environment's
settings; `python -m deployments.config cluster --into deploy/rayservice.yaml` writes it into KubeRay's resource.
"""

import argparse
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from deployments.scaling.bounds import Share, doubled, upper_bounds
from settings import Settings

Variant = Literal["gpu", "cpu", "cluster"]
"""`gpu`: one machine with or without a GPU. `cpu`: one machine, its GPUs unused. `cluster`: many GPUs on many machines."""

GPUS = 16
"""Of a cluster, where none are named."""
POLICY = "deployments.scaling.policy:ClusterPolicy"
MODELS = {
    "transcriber": "Transcriber",
    "diarizer": "Diarizer",
    "embedder": "SpeakerEmbedder",
    "emotion": "EmotionRecognizer",
}
"""Deployments with a model by their names in the file; `deployments.app` takes longer to import."""
WORKERS_PER_GPU = 1
"""A worker has 32 recordings in the stages at a time. A short one is there for ten seconds, a GPU processes three a second."""

SECRETS = frozenset(
    {
        "hf_token",
        "database_url",
        "webhook_secret",
        "vivavoce_key",
        "oidc_client_secret",
        "text_embedding_api_key",
        "llm_api_key",
    }
)
"""Settings that are never written into a file; nodes read them from the environment."""
PASSWORD = re.compile(r"://.+@")
"""In a URL, behind the name of a user. An unescaped password may hold any character."""
SERVE_OPTIONS = frozenset({"host", "port", "log_level"})
"""Settings that have their own place in Serve's configuration."""


def load_config(variant: Variant = "gpu", gpus: int = GPUS, *, twice: bool = False) -> dict[str, Any]:
    """Serve's configuration; `gpus` of a cluster, `twice` as in `_fit_to`.

    The files lie beside the packages, in a checkout and in an installed wheel.

    Raises ValueError where the stages do not fit on the GPUs.
    """
    here = Path(__file__).parent
    config: dict[str, Any] = yaml.safe_load((here.parent / "serve_config.yaml").read_text())
    if variant == "gpu":  # the file is this variant
        return config
    differences = yaml.safe_load((here / "variants" / f"{variant}.yaml").read_text())
    (application,) = config["applications"]
    application["args"] = _merged(application["args"], differences.pop("args"))
    if variant == "cluster":
        _fit_to(gpus, application, twice)
    return _merged(config, differences)


def _fit_to(gpus: int, application: dict[str, Any], twice: bool) -> None:
    """Set the bounds of the replicas, and the policy that decides between them.

    With `twice` each stage, and the worker, keeps two replicas where there is room: one goes on while the other is replaced.
    """
    args = application["args"]
    shares = {name: Share(args[name]["gpus"], args[name]["work"]) for name in MODELS}
    least = doubled(gpus, shares) if twice else dict.fromkeys(shares, 1)
    for name, count in upper_bounds(gpus, shares, least).items():
        args[name] |= {"min_replicas": least[name], "max_replicas": count}
    args["worker"]["max_replicas"] = WORKERS_PER_GPU * gpus
    args["worker"]["min_replicas"] = min(2 if twice else 1, args["worker"]["max_replicas"])
    stages = {MODELS[name]: asdict(share) for name, share in shares.items()}
    delay = args["worker"]["downscale_delay_s"]
    application["autoscaling_policy"] = {
        "policy_function": POLICY,
        "policy_kwargs": {"gpus": gpus, "release_delay_s": delay, "stages": stages},
    }


def configured(variant: Variant, settings: Settings, gpus: int = GPUS, *, twice: bool = False) -> dict[str, Any]:
    """The variant's configuration with all settings that differ from their defaults, except secrets."""
    config = load_config(variant, gpus, twice=twice)
    changed = settings.model_fields_set
    config["http_options"] |= settings.model_dump(include={"host", "port"} & changed)
    config["logging_config"] |= settings.model_dump(include={"log_level"} & changed)
    (application,) = config["applications"]
    written = changed - _secrets(settings) - SERVE_OPTIONS
    application["args"]["settings"] |= settings.model_dump(mode="json", include=set(written))
    return config


def render(variant: Variant, settings: Settings, gpus: int = GPUS, *, twice: bool = False) -> str:
    """`configured` as a file for `serve run` and `serve deploy`."""
    config = configured(variant, settings, gpus, twice=twice)
    reasons = "serve_config.yaml" if variant == "gpu" else f"serve_config.yaml and deployments/variants/{variant}.yaml"
    command = f"python -m deployments.config {variant}" + (f" --gpus {gpus}" if variant == "cluster" and gpus != GPUS else "")
    command += " --twice" if twice else ""
    title = f"# Made by `{command}`; {reasons} give the reasons for the numbers.\n"
    left_out = sorted(map(str.upper, _secrets(settings)))
    note = f"# Not in this file; set in the environment of every node: {', '.join(left_out)}.\n" if left_out else ""
    once = [name for name in MODELS if twice and config["applications"][0]["args"][name]["min_replicas"] < 2]
    note += f"# No room for two replicas of: {', '.join(once)}. More GPUs, or smaller fractions, give it.\n" if once else ""
    return title + note + yaml.safe_dump(config, sort_keys=False)


def _secrets(settings: Settings) -> set[str]:
    """Names of the settings that are set and never written into a file: `SECRETS`, and URLs with a password."""
    values = settings.chosen()
    return {name for name, value in values.items() if name in SECRETS or (isinstance(value, str) and PASSWORD.search(value))}


def embed(config: str, service: str) -> str:
    """Replace the configuration in the text of a RayService. Raises ValueError if it has no `serveConfigV2`."""
    block = "".join(f"    {line}\n" for line in config.splitlines())
    changed, found = re.subn(r"(?<=^  serveConfigV2: \|\n)(?:    .*\n|\n)*", lambda _: block, service, flags=re.MULTILINE)
    if found != 1:
        raise ValueError("The RayService has no `serveConfigV2: |` below `spec`; add it.")
    return changed


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with nested changes. Raises KeyError for a name that `base` does not have."""
    result = dict(base)
    for name, value in changes.items():
        result[name] = _merged(base[name], value) if isinstance(base[name], Mapping) else value
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deployments.config", description=__doc__)
    parser.add_argument("variant", choices=get_args(Variant))
    parser.add_argument("--into", type=Path, metavar="FILE", help="write it as the serveConfigV2 of this RayService")
    parser.add_argument("--gpus", type=int, default=GPUS, help="GPUs of the cluster when it is largest (default: %(default)s)")
    parser.add_argument("--twice", action="store_true", help="keep two replicas of each stage of a cluster where they fit")
    chosen = parser.parse_args()
    if (chosen.gpus != GPUS or chosen.twice) and chosen.variant != "cluster":
        parser.error("--gpus is for the variant cluster, as is --twice: the others are for one machine, with at most one GPU.")
    settings = Settings()
    try:
        text = render(cast(Variant, chosen.variant), settings, chosen.gpus, twice=chosen.twice)
    except ValueError as error:
        parser.error(str(error))
    if chosen.into is None:
        print(text, end="")
    else:
        chosen.into.write_text(embed(text, chosen.into.read_text()))
