"""Code that starts processes can be aborted at any time."""

import gc
import subprocess
import sys
import threading

import psutil
import pytest

from vivavoce import abortable

SLEEPER = "import time; print('It runs.', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"


def run_python(code: str) -> subprocess.Popen[str]:
    """Start Python, and wait until the code prints a line."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "It runs.\n"
    return process


def test_the_result_is_returned() -> None:
    assert abortable.run(lambda: 7, threading.Event()) == 7


@pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit("a sentence")])
def test_an_exception_is_raised(error: BaseException) -> None:
    def start() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        abortable.run(start, threading.Event())


def test_a_start_that_never_ends_is_aborted_and_its_processes_are_killed() -> None:
    stop, over = threading.Event(), threading.Event()
    started: list[psutil.Process] = []

    def start() -> None:
        process = run_python(PARENT)
        parent = psutil.Process(process.pid)
        started.extend([parent, *parent.children(recursive=True)])
        stop.set()
        with process:
            over.wait()

    with run_python(SLEEPER) as earlier:
        try:
            with pytest.raises(abortable.AbortedError) as aborted:
                abortable.run(start, stop)
            assert len(started) == 2
            aborted.value.kill()
            _, alive = psutil.wait_procs(started, timeout=600)
            assert alive == []
            assert earlier.poll() is None
        finally:
            over.set()
            earlier.kill()


def test_its_thread_lives_on() -> None:
    """Linux may kill the processes that a thread has begun when it ends."""
    thread = abortable.run(threading.current_thread, threading.Event())
    gc.collect()
    assert thread.is_alive()
