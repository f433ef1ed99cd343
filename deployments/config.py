"""How large the graph is: `serve_config.yaml` for one machine, and what differs from it elsewhere.

`python -m deployments.config cluster > cluster_config.yaml` makes the file for `serve deploy`, with the environment's
settings; `python -m deployments.config cluster --into deploy/rayservice.yaml` writes it where KubeRay has it from.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from settings import Settings

Variant = Literal["gpu", "cpu", "cluster"]
"""One machine with a GPU, or one that is to be used without its GPUs, or many GPUs on many machines."""

SECRET = frozenset({"hf_token", "database_url", "webhook_secret"})
"""Settings that stay in the environment: the file is kept, sent and shown."""
IN_OPTIONS = frozenset({"host", "port", "log_level"})
"""Settings that Serve takes in places of its own."""


def load_config(variant: Variant = "gpu") -> dict[str, Any]:
    """Serve's configuration; the files lie beside the packages, in a checkout as in an installed wheel."""
    here = Path(__file__).parent
    config: dict[str, Any] = yaml.safe_load((here.parent / "serve_config.yaml").read_text())
    if variant == "gpu":  # the file as it stands
        return config
    differs = yaml.safe_load((here / "variants" / f"{variant}.yaml").read_text())
    (application,) = config["applications"]
    application["args"] = _merged(application["args"], differs.pop("args"))
    return _merged(config, differs)


def configured(variant: Variant, settings: Settings) -> dict[str, Any]:
    """The variant's configuration with the settings that differ from their defaults, but for secrets."""
    config = load_config(variant)
    asked = settings.model_fields_set
    config["http_options"] |= settings.model_dump(include={"host", "port"} & asked)
    config["logging_config"] |= settings.model_dump(include={"log_level"} & asked)
    (application,) = config["applications"]
    application["args"]["settings"] |= settings.model_dump(mode="json", include=set(asked - SECRET - IN_OPTIONS))
    return config


def render(variant: Variant, settings: Settings) -> str:
    """`configured` as a file for `serve run` and `serve deploy`."""
    reasons = "serve_config.yaml" if variant == "gpu" else f"serve_config.yaml and deployments/variants/{variant}.yaml"
    title = f"# Made by `python -m deployments.config {variant}`; {reasons} say why the numbers are what they are.\n"
    left_out = sorted(name.upper() for name in SECRET & settings.model_fields_set)
    note = f"# Not in here, and needed in the environment of every node: {', '.join(left_out)}.\n" if left_out else ""
    return title + note + yaml.safe_dump(configured(variant, settings), sort_keys=False)


def embed(config: str, service: str) -> str:
    """A RayService, as text, with another configuration in it. Raises ValueError where it has no place for one."""
    block = "".join(f"    {line}\n" for line in config.splitlines())
    changed, found = re.subn(r"(?<=^  serveConfigV2: \|\n)(?:    .*\n|\n)*", lambda _: block, service, flags=re.MULTILINE)
    if found != 1:
        raise ValueError("There is no `serveConfigV2: |` below `spec`, in which the configuration would be.")
    return changed


def _merged(base: Mapping[str, Any], differs: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what differs, down to the single numbers. Raises KeyError for a name that `base` does not have."""
    result = dict(base)
    for name, value in differs.items():
        result[name] = _merged(base[name], value) if isinstance(base[name], Mapping) else value
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deployments.config", description=__doc__)
    parser.add_argument("variant", choices=get_args(Variant))
    parser.add_argument("--into", type=Path, metavar="FILE", help="a RayService for KubeRay, whose serveConfigV2 it becomes")
    chosen = parser.parse_args()
    text = render(cast(Variant, chosen.variant), Settings())
    if chosen.into is None:
        print(text, end="")
    else:
        chosen.into.write_text(embed(text, chosen.into.read_text()))
