"""What tests of the program rely on."""

import subprocess
import sys

from tests.support.program import ROOT

STOP = """
import tempfile
from pathlib import Path
from tests.support.program import Program
sleeper = ["python", "-c", "import time; print('It runs.', flush=True); time.sleep(600)"]
with tempfile.TemporaryDirectory() as directory, Program(sleeper, Path(directory)) as program:
    program.wait_for("It runs.")
    program.stop(timeout=60)
"""


def test_a_program_is_interrupted_also_where_a_script_runs_the_tests_in_the_background() -> None:
    shell = ["sh", "-c", '"$0" -c "$1" & wait $!', sys.executable, STOP]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
