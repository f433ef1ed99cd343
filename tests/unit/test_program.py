"""What tests of the program rely on."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.program import ROOT, Program

STOP = """
import tempfile
from pathlib import Path
from tests.support.program import Program
sleeper = ["python", "-c", "import time; print('It runs.', flush=True); time.sleep(600)"]
with tempfile.TemporaryDirectory() as directory, Program(sleeper, Path(directory)) as program:
    program.wait_for("It runs.")
    program.stop(timeout=600)
"""


def test_a_program_is_interrupted_also_where_a_script_runs_the_tests_in_the_background() -> None:
    shell = ["sh", "-c", '"$0" -c "$1" & wait $!', sys.executable, STOP]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


WITHOUT_ENVIRONMENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={})
print(child.pid, flush=True)
"""


def test_processes_that_have_lost_their_environment_end_with_the_program(tmp_path: Path) -> None:
    with Program(["python", "-c", WITHOUT_ENVIRONMENT], tmp_path) as program:
        assert program.wait() == 0
        child = psutil.Process(int(program.stdout))
        assert len(program.left(timeout=0)) == 1
    assert child.wait(timeout=600) is None
    assert not child.is_running()
