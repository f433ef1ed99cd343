"""The command line within this process, where starting an interpreter and loading models would take most of the time."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from tests.support.program import environment
from vivavoce.cli import main


def vivavoce_here(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as `tests.support.program.vivavoce` does."""
    command = ["vivavoce", *map(str, arguments)]
    status: str | int | None = 0
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        patch.dict(os.environ, environment(**env), clear=True),
        patch.object(sys, "argv", command),
        chdir("/"),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
        if isinstance(status, str):  # as Python does at the end of a program
            print(status, file=sys.stderr)
            status = 1
    return subprocess.CompletedProcess(command, status or 0, out.getvalue(), err.getvalue())
