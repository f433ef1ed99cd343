"""Configuration of the graph: `serve_config.yaml` for one machine, and the variants that differ from it.

`python -m deployments.config cluster > cluster_config.yaml` makes the file for `serve deploy`, with the environment's
settings; `python -m deployments.config cluster --into deploy/rayservice.yaml` writes it into KubeRay's resource.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from settings import Settings

Variant = Literal["gpu", "cpu", "cluster"]
"""`gpu`: one machine with or without a GPU. `cpu`: one machine, its GPUs unused. `cluster`: many GPUs on many machines."""

SECRETS = frozenset({"hf_token", "database_url", "webhook_secret", "vivavoce_key", "oidc_client_secret"})
"""Settings that are never written into a file; nodes read them from the environment."""
SERVE_OPTIONS = frozenset({"host", "port", "log_level"})
"""Settings that have their own place in Serve's configuration."""


def load_config(variant: Variant = "gpu") -> dict[str, Any]:
    """Serve's configuration. The files lie beside the packages, in a checkout and in an installed wheel."""
    here = Path(__file__).parent
    config: dict[str, Any] = yaml.safe_load((here.parent / "serve_config.yaml").read_text())
    if variant == "gpu":  # the file is this variant
        return config
    differences = yaml.safe_load((here / "variants" / f"{variant}.yaml").read_text())
    (application,) = config["applications"]
    application["args"] = _merged(application["args"], differences.pop("args"))
    return _merged(config, differences)


def configured(variant: Variant, settings: Settings) -> dict[str, Any]:
    """The variant's configuration with all settings that differ from their defaults, except secrets."""
    config = load_config(variant)
    changed = settings.model_fields_set
    config["http_options"] |= settings.model_dump(include={"host", "port"} & changed)
    config["logging_config"] |= settings.model_dump(include={"log_level"} & changed)
    (application,) = config["applications"]
    application["args"]["settings"] |= settings.model_dump(mode="json", include=set(changed - SECRETS - SERVE_OPTIONS))
    return config


def render(variant: Variant, settings: Settings) -> str:
    """`configured` as a file for `serve run` and `serve deploy`."""
    reasons = "serve_config.yaml" if variant == "gpu" else f"serve_config.yaml and deployments/variants/{variant}.yaml"
    title = f"# Made by `python -m deployments.config {variant}`; {reasons} give the reasons for the numbers.\n"
    left_out = sorted(name.upper() for name in SECRETS & settings.model_fields_set)
    note = f"# Not in this file; set in the environment of every node: {', '.join(left_out)}.\n" if left_out else ""
    return title + note + yaml.safe_dump(configured(variant, settings), sort_keys=False)


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
    chosen = parser.parse_args()
    text = render(cast(Variant, chosen.variant), Settings())
    if chosen.into is None:
        print(text, end="")
    else:
        chosen.into.write_text(embed(text, chosen.into.read_text()))
