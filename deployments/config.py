"""The file that says how large the graph is."""

from pathlib import Path
from typing import Any

import yaml


def load_config() -> dict[str, Any]:
    """`serve_config.yaml`, which lies beside the packages, in a checkout as in an installed wheel."""
    config: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "serve_config.yaml").read_text())
    return config
