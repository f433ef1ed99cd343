"""The OpenAPI document without a server; `python -m api.document` prints it, for programs that generate clients from it."""

import json
import sys
from contextlib import nullcontext
from typing import Any

from api.app import create_app
from settings import Settings


def document() -> dict[str, Any]:
    """It does not depend on the settings."""
    return create_app(Settings(), lambda _app: nullcontext()).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)
