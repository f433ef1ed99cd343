"""`vivavoce models`: the weights that the configured models need."""

import os
import sys
from typing import TYPE_CHECKING

import typer

from settings import Settings

if TYPE_CHECKING:
    from engines.speed import Measured

app = typer.Typer(help="The weights that the configured models need.", no_args_is_help=True)

MEASURED_S = (6.5, 16.5)
"""The part of the sample recording that is measured, in seconds: two people speak all the time."""
BUSY = 0.5
"""Load for each core, from which times are not those of an idle machine."""


@app.command()
def pull() -> None:
    """Download the missing weights of the configured models."""
    from engines import cuda
    from engines.weights import resolver

    for model in resolver.pull(Settings(), gpu=cuda.available()):
        print(f"{model.name}: {model.path}" + (f"\n  {model.note}" if model.note else ""))


@app.command("list")
def list_models() -> None:
    """List the configured models: each file, its size and licence, and whether its hash is right."""
    from engines import cuda
    from engines.weights import resolver
    from vivavoce.printing import size, table

    files = resolver.listing(Settings(), gpu=cuda.available())
    rows = [(f.role, f.model, f.state, size(f.size), f.licence, str(f.path)) for f in files]
    print(table(("stage", "model", "state", "size", "licence", "file"), rows))
    if any(file.state == "missing" for file in files):
        print("\n`vivavoce models pull` fetches what is missing.", file=sys.stderr)


@app.command()
def recommend() -> None:
    """Measure the Whisper models on this machine, and print the setting for the largest one that keeps up.

    Models are downloaded, up to the first that is too slow (small: 0.5 GB, medium: 1.5 GB). Nothing else should run meanwhile.
    """
    from engines import cuda, speed
    from media.decoding import decode
    from pipeline.types import SAMPLE_RATE
    from vivavoce import sample

    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > BUSY * cores:
        print(
            f"Other programs keep this machine busy (load {load:.1f} on {cores} cores): the times will be longer.",
            file=sys.stderr,
        )
    start, end = (round(second * SAMPLE_RATE) for second in MEASURED_S)
    speech = decode(sample.recording(), max_duration=60.0)[start:end]
    measured = []
    for each in speed.measure(speech, Settings(), device="cuda" if cuda.available() else "cpu"):
        print(_line(each), flush=True)
        measured.append(each)
    print(
        "\nThe number is the time of all stages for a second of speech, in seconds; a model keeps up where it is at most "
        f"{speed.MAX_REAL_TIME_FACTOR}."
    )
    if found := speed.largest(measured):
        print(f"The largest one that keeps up, for the environment or .env:\n\nWHISPER_MODEL={found}")
    else:
        print("None keeps up: recordings wait, and live audio lags. The fastest one:\n\nWHISPER_MODEL=whisper-base")


def _line(measured: "Measured") -> str:
    if measured.real_time_factor is None:
        return f"{measured.model:<15} not measured: {measured.reason}"
    return f"{measured.model:<15} {measured.real_time_factor:.2f} {'keeps up' if measured.keeps_up else 'too slow'}"
